// The operator's token: asked for, kept in memory only, and asked for again once it is withdrawn. Rule: neither the
// address nor anything that the browser stores has it.
import { readFileSync, writeFileSync } from 'node:fs';
import { CONSOLE, launch, open } from './browser.mjs';

const { TOKEN } = process.env;
const faults = [];
const browser = await launch();
const page = await open(browser, { locale: 'en-US', viewport: { width: 1280, height: 900 } }, faults);
await page.goto(CONSOLE);
const field = page.locator('input[type="password"]');
await field.fill('not-the-token');
await field.press('Enter');
await page.getByRole('alert').filter({ hasText: /\S/ }).waitFor();
await field.fill(TOKEN);
await field.press('Enter');
await page.getByRole('navigation').first().waitFor();
await page.getByText('Devices connected').waitFor();
const kept = await page.evaluate(() => JSON.stringify([location.href, { ...localStorage }, { ...sessionStorage }, document.cookie]));
if (kept.includes(TOKEN)) faults.push(`the token is kept: ${kept}`);
// The operator writes another token into the configuration, which the server applies by itself.
const { CONFIG } = process.env;
writeFileSync(CONFIG, readFileSync(CONFIG, 'utf8').replace(TOKEN, 'another-token-that-is-long-enough'));
await page.goto(`${CONSOLE}#/plugins`);
await field.waitFor();
await browser.close();
// A browser writes each 401 into its console.
const others = faults.filter((fault) => !fault.includes('401'));
console.log(JSON.stringify({ faults: others }));
