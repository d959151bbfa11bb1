import type { ListRulesOptions, Rule, RuleOptions } from "./model/rule.ts";
import { type Request, request } from "./request.ts";
import type { Session } from "./session.ts";
import { families } from "./wire/family.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "./wire/message.ts";
import {
  decodeRule,
  RTM_DELRULE,
  RTM_GETRULE,
  RTM_NEWRULE,
  writeDeleteRule,
  writeListRules,
  writeRule,
} from "./wire/rule.ts";

/** A request that adds a policy routing rule. */
export function addRule(options: RuleOptions): Request {
  return request(`add rule ${describe(options)}`, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, (writer, op) => {
    writeRule(writer, op, options);
  });
}

/** A request that deletes a policy routing rule. */
export function deleteRule(options: RuleOptions): Request {
  return request(`delete rule ${describe(options)}`, RTM_DELRULE, 0, (writer, op) => {
    writeDeleteRule(writer, op, options);
  });
}

function describe({ priority, from, to }: RuleOptions): string {
  return `${priority === undefined ? "" : `${priority} `}from ${from ?? "all"} to ${to ?? "all"}`;
}

/** The policy routing rules of a namespace, IPv4 and IPv6. */
export class Rules {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /** In the order in which they are tried; IPv4 before IPv6. */
  list({ family }: ListRulesOptions = {}): Rule[] {
    return families(family).flatMap((version) => {
      const list = request("list rules", RTM_GETRULE, 0, (writer, op) => {
        writeListRules(writer, op, version);
      });
      return this.#session.conversation.dump(list, (message) => {
        const rule = decodeRule(message);
        return rule?.family === version ? rule : undefined;
      });
    });
  }

  /** @throws {@link NetlinkError} `ERR_EXISTS` when there is one just like it. */
  add(options: RuleOptions): void {
    this.#session.conversation.execute(addRule(options));
  }

  /**
   * Deletes the first rule that fits: what is not named matches anything.
   *
   * @throws {@link NetlinkError} `ERR_NOT_FOUND`
   */
  delete(options: RuleOptions): void {
    this.#session.conversation.execute(deleteRule(options));
  }
}
