// Who only looks: signs in with the viewer's token and walks through all pages. Rule: nothing is offered that the server
// refuses, and nothing is asked that it refuses.
import { CONSOLE, launch, open } from './browser.mjs';

const faults = [];
const browser = await launch();
const page = await open(browser, { locale: 'en-US', viewport: { width: 1280, height: 900 } }, faults);
page.on('response', (response) => {
  if (response.status() === 403) faults.push(`${response.request().method()} ${response.url()} is refused`);
});
await page.goto(CONSOLE);
const field = page.locator('input[type="password"]');
await field.fill(process.env.TOKEN);
await field.press('Enter');
await page.getByText('Devices connected').waitFor();
const device = encodeURIComponent(process.env.DEVICE);
const routes = [
  '#/devices', `#/devices/${device}`, '#/plugins', '#/plugins/workflow', '#/configuration', '#/storage', '#/archive',
  '#/documents', '#/providers', '#/metrics', '#/logs',
];
const offered = [];
for (const route of routes) {
  await page.evaluate((hash) => (location.hash = hash), route);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
  await page.waitForFunction(() => !/Loading|Asking the server/.test(document.querySelector('main')?.innerText ?? 'Loading'));
  for (const name of await page.locator('main button:visible:not([disabled])').allInnerTexts()) offered.push(`${route}: ${name}`);
}
await browser.close();
console.log(JSON.stringify({ offered, faults: faults.filter((fault) => !fault.includes('401')) }));
