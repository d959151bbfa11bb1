import { search } from "./search.ts";
import { azureSingles } from "./shapes.ts";

search(azureSingles);
