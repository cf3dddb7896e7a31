// The MCP server of the simulated device: JSON-RPC 2.0 with a lamp and a volume (PROTOCOL.md, "mcp and iot"). Rule: pure
// but for the state that it is given; every request is answered, an unusable one with an error.
import { array, isObject, object, string, type Json, type JsonObject } from './protocol';

export interface DeviceState {
  readonly lampOn: boolean;
  /** 1 to 100. */
  readonly brightness: number;
  /** 0 to 100. */
  readonly volume: number;
}

/** What the tools act on. */
export interface Appliance {
  read(): DeviceState;
  change(state: Partial<DeviceState>): void;
}

interface Tool {
  readonly name: string;
  readonly description: string;
  readonly properties: JsonObject;
  run(parameters: JsonObject, appliance: Appliance): Json;
}

/** Bytes of a page of the tool list, as in firmware. */
const PAGE_BYTES = 8000;
const NO_METHOD = -32601;
const BAD_PARAMETERS = -32602;

const level = (name: string, least: number): JsonObject => ({
  [name]: { type: 'integer', minimum: least, maximum: 100 },
});

const TOOLS: readonly Tool[] = [
  {
    name: 'self.get_device_status',
    description:
      'The current state of the device: volume of the speaker, lamp and its brightness. Call it before you change something relative to its present value.',
    properties: {},
    run: (_, appliance) => {
      const { lampOn, brightness, volume } = appliance.read();
      return { audio_speaker: { volume }, lamp: { on: lampOn, brightness } };
    },
  },
  {
    name: 'self.audio_speaker.set_volume',
    description: 'Sets the volume of the speaker, from 0 to 100.',
    properties: level('volume', 0),
    run: (parameters, appliance) => {
      appliance.change({ volume: integer(parameters, 'volume', 0) });
      return true;
    },
  },
  {
    name: 'self.lamp.turn_on',
    description: 'Turns the lamp on.',
    properties: {},
    run: (_, appliance) => {
      appliance.change({ lampOn: true });
      return true;
    },
  },
  {
    name: 'self.lamp.turn_off',
    description: 'Turns the lamp off.',
    properties: {},
    run: (_, appliance) => {
      appliance.change({ lampOn: false });
      return true;
    },
  },
  {
    name: 'self.lamp.set_brightness',
    description: 'Sets the brightness of the lamp, from 1 to 100, and turns it on.',
    properties: level('brightness', 1),
    run: (parameters, appliance) => {
      appliance.change({ brightness: integer(parameters, 'brightness', 1), lampOn: true });
      return true;
    },
  },
];

/** The names of the tools. */
export const TOOL_NAMES: readonly string[] = TOOLS.map((tool) => tool.name);

class BadParameters extends Error {}

/** The answer to a JSON-RPC object; `null` to a notification, a response, or what is neither. */
export function answer(request: JsonObject, appliance: Appliance, pageBytes: number = PAGE_BYTES): JsonObject | null {
  const id = request['id'];
  const method = string(request['method']);
  if (method === '' || (typeof id !== 'number' && typeof id !== 'string')) return null;
  const parameters = object(request['params']);
  try {
    switch (method) {
      case 'initialize':
        return result(id, {
          protocolVersion: '2024-11-05',
          capabilities: { tools: {} },
          serverInfo: { name: 'modehost-simulator', version: '1.0.0' },
        });
      case 'ping':
        return result(id, {});
      case 'tools/list':
        return result(id, page(string(parameters['cursor']), pageBytes));
      case 'tools/call':
        return result(id, call(parameters, appliance));
      default:
        return failure(id, NO_METHOD, `Method not implemented: ${method.slice(0, 64)}`);
    }
  } catch (error) {
    if (error instanceof BadParameters) return failure(id, BAD_PARAMETERS, error.message);
    throw error;
  }
}

/** A page of the list: from the tool that the cursor names, at least one, at most so many bytes. */
function page(cursor: string, most: number): JsonObject {
  const first = cursor === '' ? 0 : TOOLS.findIndex((tool) => tool.name === cursor);
  if (first < 0) throw new BadParameters(`Unknown cursor: ${cursor.slice(0, 64)}`);
  const tools: JsonObject[] = [];
  let bytes = 0;
  for (const tool of TOOLS.slice(first)) {
    const entry = describe(tool);
    bytes += JSON.stringify(entry).length;
    if (tools.length > 0 && bytes > most) return { tools, nextCursor: tool.name };
    tools.push(entry);
  }
  return { tools };
}

function describe(tool: Tool): JsonObject {
  const required = Object.keys(tool.properties);
  return {
    name: tool.name,
    description: tool.description,
    inputSchema: { type: 'object', properties: tool.properties, ...(required.length > 0 ? { required } : {}) },
  };
}

function call(parameters: JsonObject, appliance: Appliance): JsonObject {
  const name = string(parameters['name']);
  const tool = TOOLS.find((one) => one.name === name);
  if (!tool) throw new BadParameters(`Unknown tool: ${name.slice(0, 64)}`);
  const outcome = tool.run(object(parameters['arguments']), appliance);
  const text = typeof outcome === 'string' ? outcome : JSON.stringify(outcome);
  return { content: [{ type: 'text', text }], isError: false };
}

function integer(parameters: JsonObject, name: string, least: number): number {
  const value = parameters[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > 100) {
    throw new BadParameters(`${name} must be a whole number from ${least} to 100`);
  }
  return value;
}

function result(id: number | string, value: JsonObject): JsonObject {
  return { jsonrpc: '2.0', id, result: value };
}

function failure(id: number | string, code: number, message: string): JsonObject {
  return { jsonrpc: '2.0', id, error: { code, message } };
}

/** The name of the tool that a request calls, and whether the answer says that it failed; `null` for other requests. */
export function calledTool(request: JsonObject, reply: JsonObject | null): { name: string; failed: boolean } | null {
  if (request['method'] !== 'tools/call' || reply === null) return null;
  return { name: string(object(request['params'])['name']), failed: isObject(reply['error']) };
}

/** The names in a page of the list. */
export function listedNames(reply: JsonObject | null): readonly string[] {
  const tools = array(object(reply?.['result'])['tools']);
  return tools.map((tool) => string(object(tool)['name']));
}
