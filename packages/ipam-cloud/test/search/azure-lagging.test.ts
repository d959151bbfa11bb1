import { search } from "./search.ts";
import { azureLagging } from "./shapes.ts";

search(azureLagging);
