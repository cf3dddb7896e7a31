// A mode is swapped while the simulator goes on talking. Rule: the page says so, and the next answer comes over the same
// connection.
import { CONSOLE, launch, open, until } from './browser.mjs';

const faults = [];
const browser = await launch();
const page = await open(browser, { locale: 'en-US', viewport: { width: 1280, height: 900 } }, faults);
let sockets = 0;
page.on('websocket', () => (sockets += 1));
await page.goto(`${CONSOLE}#/simulator`);
await until(page, 'Connected');
const box = page.getByRole('textbox').first();
const ask = async (words, answer) => {
  await box.fill(words);
  await box.press('Enter');
  await until(page, answer);
};
await ask('what can you do', 'I can tell the time');
// Whoever plays this scene puts the new version into the plugin folder now.
console.log('ready');
await until(page, '2.0.0');
await ask('start working', 'Working mode begins.');
await page.goto(`${CONSOLE}#/plugins`);
await until(page, '2.0.0');
await browser.close();
console.log(JSON.stringify({ sockets, faults }));
