import type { CloudCall } from "@netloom/ipam-cloud";

/** A call that lets everything pass, and says what it let. */
export function callOf(intent = "intent"): CloudCall & { readonly actions: string[] } {
  const actions: string[] = [];
  return {
    signal: new AbortController().signal,
    intent,
    actions,
    async admit(action) {
      actions.push(action);
    },
  };
}
