import { search } from "./search.ts";
import { awsBlocks } from "./shapes.ts";

search(awsBlocks);
