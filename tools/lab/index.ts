/** Network namespaces, cables and processes that go away again: what the demo, the tests and the bench stand on. */
export { makeFabric } from "./fabric.ts";
export { Lab } from "./lab.ts";
export { whyNoLab } from "./permitted.ts";
export { connectStore, serveStore } from "./store.ts";
export { makeSegment, type Segment, type SegmentHost } from "./segment.ts";
