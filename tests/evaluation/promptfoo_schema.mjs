// Prints the JSON Schema of promptfoo's configuration, from the zod schema in its package (unpacked in ./package).
import { readFileSync } from "node:fs";
import { z } from "zod";

const index = readFileSync("package/dist/src/index.js", "utf8");
const [, names, chunk] = index.match(/import \{([^}]*\bUnifiedConfigSchema\b[^}]*)\} from "(\.\/[^"]*)"/);
const exported = names.match(/(\S+) as UnifiedConfigSchema/)?.[1] ?? "UnifiedConfigSchema";
const schemas = await import(new URL(`package/dist/src/${chunk}`, import.meta.url));
const schema = schemas[exported].in ?? schemas[exported]; // before its transformation
console.log(JSON.stringify(z.toJSONSchema(schema, { target: "draft-7", unrepresentable: "any", io: "output" })));
