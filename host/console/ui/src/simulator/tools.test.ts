// The MCP server of the simulated device, asked as host/mcp asks.
import { describe, expect, it } from 'vitest';
import { array, object, type JsonObject } from './protocol';
import { answer, calledTool, listedNames, TOOL_NAMES, type Appliance, type DeviceState } from './tools';

function device(): Appliance & { state: DeviceState } {
  return {
    state: { lampOn: false, brightness: 60, volume: 70 },
    read() {
      return this.state;
    },
    change(state) {
      this.state = { ...this.state, ...state };
    },
  };
}

const request = (method: string, params: JsonObject = {}): JsonObject => ({ jsonrpc: '2.0', id: 7, method, params });
const call = (name: string, parameters: JsonObject = {}): JsonObject =>
  request('tools/call', { name, arguments: parameters });

describe('tools', () => {
  it('answers initialize with the version of the protocol', () => {
    const reply = answer(
      request('initialize', { protocolVersion: '2024-11-05', capabilities: { vision: { url: '', token: '' } } }),
      device(),
    );
    expect(reply).toMatchObject({
      jsonrpc: '2.0',
      id: 7,
      result: { protocolVersion: '2024-11-05', capabilities: { tools: {} } },
    });
  });

  it('lists all tools on one page', () => {
    const reply = answer(request('tools/list'), device());
    expect(listedNames(reply)).toEqual(TOOL_NAMES);
    expect(object(reply?.['result'])).not.toHaveProperty('nextCursor');
    for (const tool of array(object(reply?.['result'])['tools'])) {
      expect(object(object(tool)['inputSchema'])['type']).toBe('object');
    }
  });

  it('lists page by page where a page is small', () => {
    const names: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 10; pages++) {
      const reply = answer(request('tools/list', { cursor }), device(), 10);
      names.push(...listedNames(reply));
      cursor = String(object(reply?.['result'])['nextCursor'] ?? '');
      if (cursor === '') break;
    }
    expect(names).toEqual(TOOL_NAMES);
    expect(answer(request('tools/list', { cursor: 'nowhere' }), device())).toMatchObject({ error: { code: -32602 } });
  });

  it('switches the lamp', () => {
    const one = device();
    expect(answer(call('self.lamp.turn_on'), one)).toMatchObject({
      result: { isError: false, content: [{ type: 'text', text: 'true' }] },
    });
    expect(one.state.lampOn).toBe(true);
    answer(call('self.lamp.turn_off'), one);
    expect(one.state.lampOn).toBe(false);
    answer(call('self.lamp.set_brightness', { brightness: 20 }), one);
    expect(one.state).toEqual({ lampOn: true, brightness: 20, volume: 70 });
    answer(call('self.audio_speaker.set_volume', { volume: 0 }), one);
    const status = answer(call('self.get_device_status'), one);
    expect(JSON.stringify(status)).toContain('{\\"volume\\":0}');
  });

  it('refuses values that no device takes', () => {
    const one = device();
    for (const brightness of [0, 101, 1.5, '20', null, Number.NaN]) {
      expect(answer(call('self.lamp.set_brightness', { brightness }), one)).toMatchObject({ error: { code: -32602 } });
    }
    expect(answer(call('self.lamp.set_brightness'), one)).toHaveProperty('error');
    expect(one.state.brightness).toBe(60);
  });

  it('answers what it does not know, and only requests', () => {
    expect(answer(call('self.toaster'), device())).toMatchObject({ id: 7, error: { code: -32602 } });
    expect(answer(request('resources/list'), device())).toMatchObject({ id: 7, error: { code: -32601 } });
    expect(answer({ jsonrpc: '2.0', method: 'notifications/initialized' }, device())).toBeNull();
    expect(answer({ jsonrpc: '2.0', id: 3, result: {} }, device())).toBeNull();
    expect(answer({}, device())).toBeNull();
  });

  it('tells which tool was called', () => {
    const request = call('self.toaster');
    expect(calledTool(request, answer(request, device()))).toEqual({ name: 'self.toaster', failed: true });
    expect(calledTool({ method: 'tools/list' }, {})).toBeNull();
  });
});
