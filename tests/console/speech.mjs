// A spoken turn from the microphone to sound: Chromium's microphone plays a recording once, the page encodes it, the server
// recognises it, answers, and the answer is heard. Rule: what is heard is measured in the page, not taken from it.
import { CONSOLE, launch, open, until } from './browser.mjs';

const faults = [];
const browser = await launch([`--use-file-for-fake-audio-capture=${process.env.RECORDING}%noloop`]);
const page = await open(browser, { locale: 'en-US', viewport: { width: 1280, height: 900 } }, faults);
// Everything that goes to the speakers passes an analyser as well.
await page.addInitScript(() => {
  window.loudest = 0;
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      const analyser = new AnalyserNode(this.context, { fftSize: 2048 });
      connect.call(this, analyser);
      const samples = new Float32Array(analyser.fftSize);
      setInterval(() => {
        analyser.getFloatTimeDomainData(samples);
        for (const sample of samples) window.loudest = Math.max(window.loudest, Math.abs(sample));
      }, 20);
    }
    return connect.call(this, target, ...rest);
  };
});
await page.goto(`${CONSOLE}#/simulator`);
await until(page, 'Connected');
await page.getByRole('button', { name: 'Start listening' }).click();
await until(page, process.env.HEARD);
await until(page, process.env.ANSWERED);
await page.waitForFunction(() => window.loudest > 0.01);
const loudest = await page.evaluate(() => window.loudest);
await browser.close();
console.log(JSON.stringify({ loudest, faults }));
