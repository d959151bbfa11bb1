import { search } from "./search.ts";
import { awsSingles } from "./shapes.ts";

search(awsSingles);
