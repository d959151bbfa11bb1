/** IANA's registry, in words for people; subcode 0 is "unspecific" of each. */
export const NOTIFICATION_NAMES: Readonly<
  Record<number, readonly [name: string, subcodes: readonly (string | undefined)[]]>
> = {
  1: [
    "message header error",
    [undefined, "connection not synchronised", "bad message length", "bad message type"],
  ],
  2: [
    "OPEN message error",
    [
      undefined,
      "unsupported version number",
      "bad peer AS",
      "bad BGP identifier",
      "unsupported optional parameter",
      "authentication failure",
      "unacceptable hold time",
      "unsupported capability",
      undefined,
      undefined,
      undefined,
      "role mismatch",
    ],
  ],
  3: [
    "UPDATE message error",
    [
      undefined,
      "malformed attribute list",
      "unrecognised well-known attribute",
      "missing well-known attribute",
      "attribute flags error",
      "attribute length error",
      "invalid ORIGIN attribute",
      "AS routing loop",
      "invalid NEXT_HOP attribute",
      "optional attribute error",
      "invalid network field",
      "malformed AS_PATH",
    ],
  ],
  4: ["hold timer expired", []],
  5: [
    "finite state machine error",
    [
      undefined,
      "unexpected message in OpenSent state",
      "unexpected message in OpenConfirm state",
      "unexpected message in Established state",
    ],
  ],
  6: [
    "cease",
    [
      undefined,
      "maximum number of prefixes reached",
      "administrative shutdown",
      "peer de-configured",
      "administrative reset",
      "connection rejected",
      "other configuration change",
      "connection collision resolution",
      "out of resources",
      "hard reset",
      "BFD down",
    ],
  ],
  7: ["ROUTE-REFRESH message error", [undefined, "invalid message length"]],
  8: ["send hold timer expired", []],
};
