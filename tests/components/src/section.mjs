// Appends the text of a plugin.toml to a component, as the custom section `modehost:plugin`:
//     node section.mjs INPUT.wasm plugin.toml OUTPUT.wasm
import { readFileSync, writeFileSync } from "node:fs";

/** A number as LEB128, seven bits a byte, the lowest first. */
function leb128(number) {
    const bytes = [];
    for (; number > 127; number >>>= 7) {
        bytes.push((number & 127) | 128);
    }
    return Buffer.from([...bytes, number]);
}

const [input, manifest, output] = process.argv.slice(2);
const name = Buffer.from("modehost:plugin");
const content = Buffer.concat([leb128(name.length), name, readFileSync(manifest)]);
const section = Buffer.concat([Buffer.from([0]), leb128(content.length), content]);
writeFileSync(output, Buffer.concat([readFileSync(input), section]));
