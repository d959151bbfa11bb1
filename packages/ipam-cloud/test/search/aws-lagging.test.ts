import { search } from "./search.ts";
import { awsLagging } from "./shapes.ts";

search(awsLagging);
