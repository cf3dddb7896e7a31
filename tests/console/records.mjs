// What modes keep: finished work is found, read and saved, and a document is seen to change. Rule: markup in what people
// said is text, and a value is read again only when it has changed.
import { readFileSync } from 'node:fs';
import { CONSOLE, launch, open, until } from './browser.mjs';

const faults = [];
const browser = await launch();
const page = await open(browser, { locale: 'en-US', viewport: { width: 1280, height: 900 } }, faults);
let reads = 0;
page.on('request', (request) => {
  if (request.url().includes('/documents/value')) reads += 1;
});
await page.goto(CONSOLE);
await page.getByRole('link', { name: 'Archive', exact: true }).first().click();
// The heading of a page that is fetched has the focus as that of any other.
await page.waitForFunction(() => document.activeElement?.tagName === 'H1' && document.activeElement.textContent === 'Archive');
await until(page, '1 piece');
await page.getByRole('searchbox').first().fill('BUDGET');
await page.locator('mark').first().waitFor();
await page.locator('.entries a').first().click();
await until(page, '<b>door</b>');
const isMarkup = await page.evaluate(() => [...document.querySelectorAll('main b')].some((one) => one.textContent === 'door'));
if (isMarkup) faults.push('what was said has become markup');
const [download] = await Promise.all([
  page.waitForEvent('download'),
  page.getByRole('button', { name: 'Save as Markdown' }).click(),
]);
const saved = readFileSync(await download.path(), 'utf8');
if (!saved.includes('The budget is small.')) faults.push(`saved: ${saved}`);

await page.goto(`${CONSOLE}#/documents/${encodeURIComponent(process.env.KEY)}`);
await until(page, 'paint the door');
const before = reads;
// Whoever plays this scene changes the document now.
await until(page, 'buy the paint');
await browser.close();
console.log(JSON.stringify({ before, after: reads, faults }));
