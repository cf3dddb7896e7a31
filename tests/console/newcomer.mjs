// A newcomer: opens the address, finds the simulator, types, and is answered. Rule: only what a person sees is used.
import { CONSOLE, launch, open, until } from './browser.mjs';

const faults = [];
const browser = await launch();
const page = await open(browser, { locale: 'en-US', viewport: { width: 1280, height: 900 } }, faults);
await page.goto(CONSOLE);
await page.getByRole('heading', { level: 1 }).waitFor();
// What is not configured is said, with what to write.
await until(page, 'asr:');
await page.getByRole('link', { name: /simulator/i }).first().click();
await page.getByRole('textbox').first().waitFor();
const box = page.getByRole('textbox').first();
await box.fill('what can you do');
await box.press('Enter');
await until(page, 'I can tell the time');
await box.fill('start working');
await box.press('Enter');
await until(page, 'Working mode begins.');
await browser.close();
console.log(JSON.stringify({ answered: true, faults }));
