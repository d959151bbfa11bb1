import { search } from "./search.ts";
import { gcpSingles } from "./shapes.ts";

search(gcpSingles);
