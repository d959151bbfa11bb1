/**
 * BTF types as data (`Documentation/bpf/btf.rst`). Ids count from 1; 0 is `void`.
 */
export type BtfType =
  | BtfInt
  | BtfReference
  | BtfArray
  | BtfComposite
  | BtfEnum
  | BtfForward
  | BtfFunction
  | BtfFunctionProto
  | BtfVariable
  | BtfDataSection
  | BtfFloat
  | BtfDeclTag
  | { readonly kind: "void"; readonly id: 0 };

interface Numbered {
  readonly id: number;
  /** Offset in bytes of its record in the type section, for the fix-ups before BPF_BTF_LOAD. */
  readonly at: number;
}

interface Named extends Numbered {
  /** Empty for an anonymous type. */
  readonly name: string;
}

export interface BtfInt extends Named {
  readonly kind: "int";
  readonly size: number;
  readonly bits: number;
  readonly signed: boolean;
  readonly bool: boolean;
  readonly char: boolean;
}

/** Something that stands for, or points at, another type. */
export interface BtfReference extends Named {
  readonly kind: "ptr" | "typedef" | "volatile" | "const" | "restrict" | "type_tag";
  readonly type: number;
}

export interface BtfArray extends Numbered {
  readonly kind: "array";
  readonly type: number;
  readonly length: number;
}

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  /** 0 unless it is a bitfield. */
  readonly bitSize: number;
}

export interface BtfComposite extends Named {
  readonly kind: "struct" | "union";
  readonly size: number;
  readonly members: readonly BtfMember[];
}

export interface BtfEnum extends Named {
  readonly kind: "enum";
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly { readonly name: string; readonly value: number | bigint }[];
}

export interface BtfForward extends Named {
  readonly kind: "fwd";
}

export interface BtfFunction extends Named {
  readonly kind: "func";
  readonly type: number;
  readonly linkage: number;
}

export interface BtfFunctionProto extends Numbered {
  readonly kind: "func_proto";
  readonly returns: number;
  readonly parameters: readonly { readonly name: string; readonly type: number }[];
}

export interface BtfVariable extends Named {
  readonly kind: "var";
  readonly type: number;
  readonly linkage: number;
}

export interface BtfDataSection extends Named {
  readonly kind: "datasec";
  readonly size: number;
  readonly entries: readonly { readonly type: number; readonly offset: number; readonly size: number }[];
}

export interface BtfFloat extends Named {
  readonly kind: "float";
  readonly size: number;
}

export interface BtfDeclTag extends Named {
  readonly kind: "decl_tag";
  readonly type: number;
  /** Index of the member or parameter it marks, -1 for the whole. */
  readonly component: number;
}

/** `BTF_FUNC_*` and `BTF_VAR_*` linkage. */
export const LINKAGE = { STATIC: 0, GLOBAL: 1, EXTERN: 2 } as const;

/** `BTF_KIND_*`. */
export const KIND = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;
