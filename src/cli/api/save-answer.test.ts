import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { tempFolder } from '../../../test/helpers/temp.ts'
import type { CommandContext } from '../context.ts'
import { Environment } from '../environment.ts'
import { Printer } from '../printer.ts'
import { Terminal } from '../terminal.ts'
import { openApi } from './connection.ts'
import { saveAnswer } from './save-answer.ts'

const content = Buffer.from('bread 3.20\nrolls 0.55\n')

/** A server that answers every call with a file. */
async function fileServer(answer: (response: ServerResponse) => void) {
  let calls = 0
  const server = createServer((request, response) => {
    calls++
    request.resume().on('end', () => answer(response))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

function fileNamed(disposition: string, bytes: Buffer = content) {
  return (response: ServerResponse) =>
    void response
      .writeHead(200, { 'content-type': 'application/octet-stream', 'content-disposition': disposition })
      .end(bytes)
}

interface Asked {
  readonly to: string | undefined
  readonly force?: boolean
  readonly json?: boolean
  readonly signal?: AbortSignal
}

/** What was printed. */
async function save(url: string, { to, force = false, json = false, signal }: Asked): Promise<string> {
  const printed: Buffer[] = []
  const out = {
    isTTY: false,
    columns: 80,
    on: () => undefined,
    write(part: string | Uint8Array, done?: (error?: Error | null) => void) {
      printed.push(Buffer.from(part as string))
      done?.()
      return true
    },
  }
  const context: CommandContext = {
    name: 'machine download',
    globals: {} as CommandContext['globals'],
    env: Environment.take({}),
    printer: new Printer(new Terminal(out, out), { verbosity: 1, json }),
    signal: signal ?? new AbortController().signal,
    refuse: (reason) => assert.fail(reason),
  }
  const call = async () => await openApi({ url }, { method: 'POST', path: '/api/file', body: {} }, context)
  await saveAnswer(context, { server: { url }, call }, { to, force })
  return Buffer.concat(printed).toString('utf8')
}

test('a file is saved under the name that it is given, whole, and for nobody else to read', async () => {
  await using folder = await tempFolder()
  await using server = await fileServer(fileNamed('attachment; filename="prices.txt"'))
  const path = folder.join('mine.txt')
  assert.equal(await save(server.url, { to: path }), `Saved 22 B as ${path}.\n`)
  assert.deepEqual(readFileSync(path), content)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(folder.path), ['mine.txt'])
})

test('into a folder it goes by its own name, and programs are told where it lies', async () => {
  await using folder = await tempFolder()
  const name = 'Prei\u00dfe 1+1 \u{1f950}.txt'
  const encoded = encodeURIComponent(name)
  await using server = await fileServer(fileNamed(`attachment; filename="Prei_e.txt"; filename*=UTF-8''${encoded}`))
  const said = JSON.parse(await save(server.url, { to: folder.path, json: true })) as object
  assert.deepEqual(said, { message_type: 'saved', path: folder.join(name), bytes: 22 })
  assert.deepEqual(readFileSync(folder.join(name)), content)
})

test('standard output gets the bytes and nothing else', async () => {
  const bytes = Buffer.from('first\nsecond\n')
  await using server = await fileServer(fileNamed('attachment; filename="a"', bytes))
  assert.equal(await save(server.url, { to: '-' }), 'first\nsecond\n')
})

test('a file that is there is replaced only when that is said, and nothing is asked of the server before', async () => {
  await using folder = await tempFolder()
  await using server = await fileServer(fileNamed('attachment; filename="prices.txt"'))
  const path = folder.join('prices.txt')
  writeFileSync(path, 'mine')
  await assert.rejects(save(server.url, { to: path }), { code: 'DOWNLOAD_IN_THE_WAY' })
  assert.equal(server.calls(), 0)
  await assert.rejects(save(server.url, { to: folder.path }), { code: 'DOWNLOAD_IN_THE_WAY' })
  assert.equal(readFileSync(path, 'utf8'), 'mine')
  await save(server.url, { to: path, force: true })
  assert.deepEqual(readFileSync(path), content)
})

test('a file that comes to be there meanwhile is not replaced either', async () => {
  await using folder = await tempFolder()
  const path = folder.join('prices.txt')
  await using server = await fileServer((response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).write(content)
    writeFileSync(path, 'mine')
    response.end()
  })
  await assert.rejects(save(server.url, { to: path }), { code: 'DOWNLOAD_IN_THE_WAY' })
  assert.equal(readFileSync(path, 'utf8'), 'mine')
  assert.deepEqual(readdirSync(folder.path), ['prices.txt'])
})

test('what is no file is not replaced, whatever is said', async () => {
  await using folder = await tempFolder()
  await using server = await fileServer(fileNamed('attachment; filename="inner"'))
  mkdirSync(folder.join('inner'))
  for (const to of ['/dev/null', folder.path]) {
    await assert.rejects(save(server.url, { to, force: true }), { code: 'DOWNLOAD_NO_FILE' }, to)
  }
  assert.ok(statSync('/dev/null').isCharacterDevice())
})

test('a server that names a place instead of a file is refused', async () => {
  await using folder = await tempFolder()
  const inside = folder.join('inside')
  mkdirSync(inside)
  for (const name of ['../up', '/etc/x', 'a\\b', '..', '.', '', 'a%00b', '%', '%2e%2e%2fup']) {
    await using server = await fileServer(fileNamed(`attachment; filename*=UTF-8''${name}`))
    await assert.rejects(save(server.url, { to: inside }), { code: 'DOWNLOAD_NAME_UNFIT' }, name)
  }
  assert.deepEqual([readdirSync(folder.path), readdirSync(inside)], [['inside'], []])
})

test('a download that breaks off, or is ended, leaves nothing', async () => {
  await using folder = await tempFolder()
  const head = { 'content-type': 'application/octet-stream', 'content-length': '44' }
  await using broken = await fileServer((response) => {
    response.writeHead(200, head).write(content, () => response.destroy())
  })
  const path = folder.join('prices.txt')
  await assert.rejects(save(broken.url, { to: path }), { code: 'SERVER_NOT_REACHED' })
  const ending = new AbortController()
  await using slow = await fileServer((response) => {
    response.writeHead(200, head).write(content, () => ending.abort(new Error('enough')))
  })
  await assert.rejects(save(slow.url, { to: path, signal: ending.signal }), /enough/)
  assert.deepEqual(readdirSync(folder.path), [])
})

test('what cannot be saved is one sentence, and so is what the server refuses', async () => {
  await using folder = await tempFolder()
  await using server = await fileServer(fileNamed('attachment; filename="a"'))
  await assert.rejects(save(server.url, { to: folder.join('none/a') }), { code: 'DOWNLOAD_NOT_SAVED' })
  writeFileSync(folder.join('file'), '')
  await assert.rejects(save(server.url, { to: folder.join('file/a') }), { code: 'DOWNLOAD_NOT_SAVED' })
  const refusal = { code: 'RIGHT_MISSING', message: 'You may not.', hint: 'Ask.' }
  await using refusing = await fileServer((response) => void response.writeHead(403).end(JSON.stringify(refusal)))
  await assert.rejects(save(refusing.url, { to: folder.join('a') }), { code: 'RIGHT_MISSING', message: 'You may not.' })
  await using odd = await fileServer((response) => void response.writeHead(200).end('{}'))
  await assert.rejects(save(odd.url, { to: folder.join('a') }), { code: 'ANSWER_INVALID' })
  assert.equal(existsSync(folder.join('a')), false)
})
