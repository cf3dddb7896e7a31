"""A true recogniser for tests: PocketSphinx with a small grammar, behind OpenAI's interface.

Answers POST /v1/audio/transcriptions (multipart: file, model) with {"text": ...}; the text is empty
where nothing of the grammar was said. Listens on a free port of 127.0.0.1, prints it as its first
line, and ends with its standard input, so that it never outlives the test that started it.

Rule: it knows a few commands in English and nothing else; what it is not sure of it has not heard.

Needs the package pocketsphinx (PyPI), which brings its model along.
"""

import email.parser
import email.policy
import io
import json
import os
import sys
import tempfile
import threading
import wave
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pocketsphinx

GRAMMAR = """#JSGF V1.0;
grammar commands;
public <command> = refresh tasks | mark done | assign to me | start the meeting | end the meeting;
"""
# Sentences outside the grammar score 0.51 at the best, those of it 0.58 at the least.
SURE = 0.55
# The decoder wants a little silence around speech, in bytes of 16 kHz PCM: 300 ms.
SILENCE = bytes(2 * 16 * 300)
LARGEST = 25 * 1024 * 1024


def decoder():
    model = pocketsphinx.get_model_path()
    with tempfile.NamedTemporaryFile("w", suffix=".jsgf", delete=False) as grammar:
        grammar.write(GRAMMAR)
    try:
        return pocketsphinx.Decoder(
            hmm=os.path.join(model, "en-us", "en-us"),
            dict=os.path.join(model, "en-us", "cmudict-en-us.dict"),
            jsgf=grammar.name,
            lm=None,
            loglevel="FATAL",
        )
    finally:
        os.unlink(grammar.name)


DECODER = decoder()
ONE_AT_A_TIME = threading.Lock()


def recognise(pcm):
    with ONE_AT_A_TIME:
        DECODER.start_utt()
        DECODER.process_raw(SILENCE + pcm + SILENCE, full_utt=True)
        DECODER.end_utt()
        found = DECODER.hyp()
    return found.hypstr if found and found.best_score >= SURE else ""


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        if self.path != "/v1/audio/transcriptions" or not 0 < length <= LARGEST:
            return self.answer(404, {"error": {"message": "nothing is there"}})
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.rfile.read(length))
        parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        try:
            with wave.open(io.BytesIO(parts["file"].get_payload(decode=True))) as sound:
                shape = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
                pcm = sound.readframes(sound.getnframes())
        except (KeyError, EOFError, wave.Error) as error:
            return self.answer(400, {"error": {"message": f"no WAV file: {error}"}})
        if shape != (1, 2, 16000):
            return self.answer(400, {"error": {"message": f"wants mono, 16 bit, 16 kHz, not {shape}"}})
        return self.answer(200, {"text": recognise(pcm)})

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
