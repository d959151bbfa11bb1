/** What an error says, wherever the SDK of the day keeps it. */
export interface Told {
  /** HTTP status of the answer; nothing where none came. */
  readonly status?: number;
  /** Google's words for why: `rateLimitExceeded`, `IP_SPACE_EXHAUSTED`. */
  readonly reasons: readonly string[];
  readonly message: string;
  /** Of the operating system, e.g. `ECONNREFUSED`. */
  readonly network?: string;
}

/** The SDK's REST transport keeps the body of an answer here. */
const PAYLOAD = Symbol.for("google-gax.rawHttpResponsePayload");

/** `undefined` for what is no error of a request. */
export function toldBy(error: unknown): Told | undefined {
  if (!(error instanceof Error)) return undefined;
  const [own, cause] = [fieldsOf(error), fieldsOf(error.cause)];
  const body = bodyOf(own[PAYLOAD]) ?? bodyOf(responseOf(own)["data"]) ?? bodyOf(error.message) ?? {};
  const status = [
    own["httpStatusCode"],
    own["status"],
    responseOf(own)["status"],
    cause["status"],
    body["code"],
  ].find((value): value is number => typeof value === "number" && value >= 400);
  const network = [own["code"], cause["code"], fieldsOf(cause["error"])["code"]].find(
    (value): value is string => typeof value === "string" && /^(E[A-Z_]+|UND_ERR_[A-Z_]+)$/.test(value),
  );
  const message = typeof body["message"] === "string" ? body["message"] : error.message;
  return {
    reasons: [...reasonsOf(body), ...reasonsOf(own)],
    message,
    ...(status === undefined ? {} : { status }),
    ...(status !== undefined || network === undefined ? {} : { network }),
  };
}

type Fields = Readonly<Record<string | symbol, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function responseOf(error: Fields): Fields {
  return fieldsOf(error["response"]);
}

/** `{"error": {"code": 403, "errors": [{"reason": …}], "details": […]}}`, as text or not. */
function bodyOf(payload: unknown): Fields | undefined {
  let value = payload;
  if (typeof payload === "string") {
    try {
      value = JSON.parse(payload);
    } catch {
      return undefined;
    }
  }
  const error = fieldsOf(value)["error"];
  return typeof error === "object" && error !== null ? fieldsOf(error) : undefined;
}

function reasonsOf(fields: Fields): readonly string[] {
  const listed = ["errors", "details", "statusDetails"].flatMap((name) => {
    const list = fields[name];
    return Array.isArray(list) ? list.map((one) => fieldsOf(one)["reason"]) : [];
  });
  return [fields["reason"], ...listed].filter((reason) => typeof reason === "string");
}
