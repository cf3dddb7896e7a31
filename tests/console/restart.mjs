// The server restarts under an open page. Rule: the page says that it is alone, comes back by itself, and shows the new
// process without having been loaded again.
import { CONSOLE, launch, open, until } from './browser.mjs';

const faults = [];
const browser = await launch();
const page = await open(browser, { locale: 'en-US', viewport: { width: 1280, height: 900 } }, faults);
let loads = 0;
page.on('load', () => (loads += 1));
await page.goto(CONSOLE);
const live = page.locator('[data-link="live"]');
await live.waitFor();
await page.getByText('Devices connected').waitFor();
await page.evaluate(() => (window.isSamePage = true));
const status = async () => (await fetch(`${CONSOLE}api/v1/status`)).json();
const before = (await status()).uptime_s;
const lost = page.locator('[data-link="lost"]').waitFor({ state: 'attached' });
const restarted = await fetch(`${CONSOLE}api/v1/restart`, { method: 'POST' });
await lost;
await live.waitFor();
await page.getByText('Devices connected').waitFor();
const same = await page.evaluate(() => window.isSamePage === true);
await page.getByRole('link', { name: 'Plugins' }).first().click();
await until(page, 'workflow');
await browser.close();
// While the server is away, the browser notes that it is.
const others = faults.filter((fault) => !/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|failed$/.test(fault));
console.log(JSON.stringify({ before, restarted: restarted.status, same, loads, faults: others }));
