import type { Agent, CreateEndpointOptions } from "@netloom/core";
import { BadQuestion, type Handler } from "./http.ts";

/** `POST /pods` gives a pod its network, `DELETE /pods/<name>` takes it away. */
export function pods(agent: Agent): Handler {
  return async ({ method, path, body }) => {
    if (method === "POST" && path === "/pods") {
      const { name, addresses, identity } = await agent.endpoints.create(parsePod(body));
      return { status: 201, body: { name, addresses, identity } };
    }
    const name = /^\/pods\/(.+)$/.exec(path)?.[1];
    if (method !== "DELETE" || name === undefined) return undefined;
    await agent.endpoints.delete(name);
    return { status: 204 };
  };
}

/** The shape only: what a name and a label may be, the agent knows and says. */
function parsePod(text: string): CreateEndpointOptions {
  const { name, labels = [], netns } = parseObject(text);
  if (typeof name !== "string") throw new BadQuestion("name: write a text");
  if (!Array.isArray(labels) || !labels.every((label) => typeof label === "string"))
    throw new BadQuestion("labels: write a list of texts");
  if (netns === undefined) return { name, labels };
  if (typeof netns !== "string") throw new BadQuestion("netns: write the name of a network namespace");
  return { name, labels, netns };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new BadQuestion("the body is no JSON", { cause: error });
  }
}
