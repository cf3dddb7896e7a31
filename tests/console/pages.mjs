// Every page in both languages and themes, on a phone and on a wide screen. Rule: no violation that axe-core finds, no
// text in the other language's place, nothing wider than the screen, no error in the browser.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { CONSOLE, launch, open, until } from './browser.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
// Each language, each theme and each width with others in turn.
const READERS = [
  { locale: 'en-US', colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 375, height: 740 } },
  { locale: 'zh-CN', colorScheme: 'light', viewport: { width: 2560, height: 1300 } },
  { locale: 'en-US', colorScheme: 'dark', viewport: { width: 375, height: 740 } },
];

const faults = [];
const browser = await launch();

// A device that stays connected while its page is looked at.
const simulator = await open(browser, READERS[0], faults, 'simulator');
await simulator.goto(`${CONSOLE}#/simulator`);
const box = simulator.getByRole('textbox').first();
await box.fill('what can you do');
await box.press('Enter');
await until(simulator, 'I can tell the time');
const sessions = await (await fetch(`${CONSOLE}api/v1/sessions`)).json();
const device = sessions[0].device;

const [{ key }] = (await (await fetch(`${CONSOLE}api/v1/documents`)).json()).documents;
const [work] = (await (await fetch(`${CONSOLE}api/v1/archive/meetings`)).json()).entries;
const ROUTES = [
  '#/', '#/simulator', '#/devices', `#/devices/${encodeURIComponent(device)}`, '#/plugins', '#/plugins/meeting',
  '#/configuration', '#/storage', '#/archive', '#/archive/meetings', `#/archive/meetings/${work.id}`, '#/documents',
  `#/documents/${encodeURIComponent(key)}`, '#/providers', '#/metrics', '#/logs', '#/no-such-page',
];
// The first two readers look at every page, the others at every second one.
const routesOf = (reader) => ROUTES.filter((route, at) => READERS.indexOf(reader) < 2 || at % 2 === 0);

let seen = 0;
for (const reader of READERS) {
  const who = `${reader.locale} ${reader.colorScheme} ${reader.viewport.width}`;
  const page = await open(browser, reader, faults, who);
  for (const route of routesOf(reader)) {
    const name = `${who} ${route}`;
    await page.goto('about:blank');
    await page.goto(CONSOLE + route);
    await page.getByRole('heading', { level: 1 }).waitFor();
    // The page is whole once nothing of it is being fetched.
    await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
    const language = await page.evaluate(() => document.documentElement.lang);
    if (!language.startsWith(reader.locale.slice(0, 2))) faults.push(`${name}: the language is ${language}`);
    const excess = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (excess > 0) faults.push(`${name}: ${excess} px wider than the screen`);
    // Run by the browser's debugger, which the page's policy does not concern.
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run());
    for (const violation of violations) {
      const where = violation.nodes.slice(0, 3).map((node) => node.target.join(' ')).join('; ');
      faults.push(`${name}: ${violation.id}: ${violation.help} (${where})`);
    }
    if (process.env.PICTURES) {
      const file = `${who} ${route}`.replace(/[^a-z0-9-]+/gi, '_');
      await page.screenshot({ path: `${process.env.PICTURES}/${file}.png`, fullPage: true });
    }
    seen += 1;
  }
  await page.context().close();
}
await browser.close();
console.log(JSON.stringify({ seen, faults }));
