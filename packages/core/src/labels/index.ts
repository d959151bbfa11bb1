export {
  ANY_SOURCE,
  UNSPECIFIED_SOURCE,
  checkLabel,
  compareLabels,
  formatLabel,
  parseLabel,
  type Label,
} from "./label.ts";
export type { LabelSet } from "./label-set.ts";
export { LabelTable } from "./label-table.ts";
export { DEFAULT_LABEL_PATTERNS, LabelFilter, type LabelFilterOptions } from "./label-filter.ts";
export {
  matches,
  type Requirement,
  type Selector,
  type SelectorExpression,
  type SelectorOperator,
  type SelectorInput,
} from "./selector.ts";
export { parseSelector } from "./parse-selector.ts";
export { RowSet, type ReadonlyRowSet } from "./row-set.ts";
export {
  SelectorIndex,
  type Selection,
  type SelectionChange,
  type SelectorIndexEvents,
} from "./selector-index.ts";
