import { search } from "./search.ts";
import { gcpLagging } from "./shapes.ts";

search(gcpLagging);
