// Writes a .gz beside each built file and counts them. Rule: level 9, no name and no time inside, so that the same
// build gives the same bytes; more than 120 kB of script and style fails the build, the configuration editor's own
// files apart (vite.config.ts names them).
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, gzipSync } from 'node:zlib';

const LIMIT = 120_000;
const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
// Loaded only when somebody asks for them: not counted.
const APART = /\.(ogg|opus|wav|mp3|webm)$/;
const EDITOR = /^assets\/editor-[\w-]+\.(js|css)$/;

function files(directory) {
  return readdirSync(directory, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? files(path) : [path];
    })
    .sort();
}

let total = 0;
let editor = 0;
for (const path of files(dist)) {
  if (path.endsWith('.gz')) {
    rmSync(path);
    continue;
  }
  const bytes = readFileSync(path);
  const packed = gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION, memLevel: 9 });
  // Byte 9 names the operating system that packed it; 255 is "unknown" everywhere.
  packed[9] = 255;
  writeFileSync(`${path}.gz`, packed);
  if (EDITOR.test(relative(dist, path))) editor += packed.length;
  else if (!APART.test(path)) total += packed.length;
  console.log(`${String(bytes.length).padStart(8)} ${String(packed.length).padStart(8)}  ${relative(dist, path)}`);
}
console.log(`${(total / 1000).toFixed(1)} kB compressed, of at most ${LIMIT / 1000} kB`);
console.log(`${(editor / 1000).toFixed(1)} kB compressed for the editor, which is fetched when it is opened`);
if (total > LIMIT) {
  console.error('The console is larger than it may be: load what is rarely needed by import().');
  process.exit(1);
}
