// Two operators edit the configuration file in two windows, and a provider and a device are tried. Rule: no secret reaches
// the page, what is applied is in the file, and the second operator is told.
import { readFileSync } from 'node:fs';
import { CONSOLE, launch, open, until } from './browser.mjs';

const { CONFIG, SECRET } = process.env;
const faults = [];
const browser = await launch();
const reader = { locale: 'en-US', viewport: { width: 1280, height: 900 } };
const windows = [await open(browser, reader, faults, 'one'), await open(browser, reader, faults, 'two')];
for (const page of windows) {
  page.on('response', async (response) => {
    const text = await response.text().catch(() => '');
    if (text.includes(SECRET)) faults.push(`${response.url()} has the secret`);
  });
  await page.goto(`${CONSOLE}#/configuration`);
  await page.getByRole('button', { name: 'Edit the file' }).click();
  await page.locator('.cm-content').waitFor();
  await until(page, '<hidden:1>');
}
/** Writes a comment at the end of the text and applies it. */
const apply = async (page, words) => {
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(`\n# ${words}`);
  await page.getByRole('button', { name: /^Apply/ }).first().click();
};
await apply(windows[0], 'the first was here');
const [written] = await Promise.all([
  windows[0].waitForResponse((response) => response.request().method() === 'PUT'),
  windows[0].getByRole('dialog').getByRole('button', { name: /Apply/ }).click(),
]);
if (written.status() !== 200) faults.push(`applying was answered with ${written.status()}`);
const first = readFileSync(CONFIG, 'utf8');
await apply(windows[1], 'the second was here');
await until(windows[1], 'somebody');
const second = readFileSync(CONFIG, 'utf8');
await browser.close();
// A browser writes each refusal into its console.
const others = faults.filter((fault) => !/status of 4(09|22)/.test(fault));
console.log(JSON.stringify({
  kept: first.includes(SECRET) && first.includes('the first was here'),
  told: !second.includes('the second was here'),
  faults: others,
}));
