import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { start } from '../../../test/helpers/run.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { until } from '../../../test/helpers/until.ts'
import { previewLimits } from './limits.ts'
import type { PreviewLimits } from './limits.ts'
import { ReadingProcess, mostOutput } from './reading-process.ts'
import type { End } from './reading-process.ts'

const reader = join(import.meta.dirname, 'reader')

/** Runs a program as it would read a file, and sees that nothing of it is left. */
async function run(program: string, limits: Partial<PreviewLimits> = {}): Promise<End> {
  await using folder = await tempFolder()
  cpSync(join(reader, 'close-doors.ts'), folder.join('close-doors.ts'))
  writeFileSync(folder.join('program.ts'), program)
  const child = new ReadingProcess(pathToFileURL(folder.join('program.ts')), { ...previewLimits, ...limits })
  child.endInput()
  try {
    return await child.ended
  } finally {
    assert.ok(!isRunning(child.pid))
  }
}

/** What the program says, which must be JSON. */
async function sayings(program: string): Promise<Record<string, unknown>> {
  const end = await run(program)
  assert.equal(end.how, 'answered')
  return JSON.parse(end.how === 'answered' ? end.output.toString('utf8') : '') as Record<string, unknown>
}

function isRunning(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A program that tries things, and says of each what came of it. */
function attempts(imports: string, tries: Readonly<Record<string, string>>): string {
  return `${imports}
    const said: Record<string, string> = {}
    const attempt = async (name: string, work: () => unknown) => {
      try {
        await work()
        said[name] = 'done'
      } catch (thrown) {
        said[name] = (thrown as { code?: string }).code ?? (thrown as Error).message
      }
    }
    ${Object.entries(tries)
      .map(([name, code]) => `await attempt('${name}', async () => { ${code} })`)
      .join('\n')}
    process.stdout.write(JSON.stringify(said), () => process.exit())
  `
}

test('the process that reads has no right to the disk but to its own program, and none to other programs', async () => {
  await using outside = await tempFolder()
  writeFileSync(outside.join('secret'), 'canary')
  const imports =
    "import fs from 'node:fs'; import { spawnSync, fork } from 'node:child_process'; import { Worker } from 'node:worker_threads'"
  const said = await sayings(
    attempts(imports, {
      'its program': "fs.readFileSync(new URL('program.ts', import.meta.url))",
      passwd: "fs.readFileSync('/etc/passwd')",
      'a file outside': `fs.readFileSync('${outside.join('secret')}')`,
      'the list of a folder': "fs.readdirSync('/')",
      environment: "fs.readFileSync('/proc/self/environ')",
      'environment of its parent': 'fs.readFileSync(`/proc/${process.ppid}/environ`)',
      'a new file': `fs.writeFileSync('${outside.join('new')}', '')`,
      'a file beside it': "fs.writeFileSync(new URL('new.ts', import.meta.url), '')",
      'a link': `fs.symlinkSync('/etc/passwd', new URL('link', import.meta.url))`,
      'a program': "const { error } = spawnSync('/bin/true'); if (error) throw error",
      'a process': 'fork(import.meta.filename)',
      'a thread': "new Worker('', { eval: true })",
      'an addon': "process.dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libc.so.6')",
      'evaluated code': "new Function('return 1')()",
    }),
  )
  const { 'its program': own, 'evaluated code': evaluated, 'an addon': addon, ...denied } = said
  assert.equal(own, 'done')
  assert.match(String(evaluated), /Code generation from strings/)
  assert.equal(addon, 'ERR_DLOPEN_DISABLED')
  assert.deepEqual(new Set(Object.values(denied)), new Set(['ERR_ACCESS_DENIED']), JSON.stringify(denied))
  assert.ok(!existsSync(outside.join('new')))
})

test('the process that reads has nothing of our environment', async () => {
  process.env['UNDERSTUDY_CANARY'] = 'canary-4711'
  try {
    const { env } = await sayings('process.stdout.write(JSON.stringify({ env: process.env, args: process.argv }))')
    // Some shells have these of their own.
    const names = Object.keys(env as object).filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name))
    assert.deepEqual(names, [])
  } finally {
    delete process.env['UNDERSTUDY_CANARY']
  }
})

test('with its doors closed, it loads no module, reads no file and has no way to the network', async () => {
  await using server = await listening()
  const said = await sayings(
    attempts("import { closeDoors } from './close-doors.ts'; import { readFileSync } from 'node:fs'; closeDoors()", {
      'a module': "await import('node:net')",
      'a module by name': "await import('node:' + 'http')",
      'its own program':
        "if ('drop' in (process as any).permission) readFileSync(new URL('program.ts', import.meta.url)); else throw new Error('closed')",
      'built in': "(process as any).getBuiltinModule('node:net').connect(1)",
      binding: "(process as any).binding('tcp_wrap')",
      fetch: `await fetch('http://127.0.0.1:${server.port}')`,
      'web socket': `new WebSocket('ws://127.0.0.1:${server.port}')`,
      'through standard input': `new (process.stdin.constructor as any)().connect(${server.port}, '127.0.0.1')`,
      'a signal to its parent': "process.kill(process.ppid, 'SIGTERM')",
    }),
  )
  assert.ok(!Object.values(said).includes('done'), JSON.stringify(said))
  assert.equal(server.connections, 0)
})

test('the kernel keeps it from the network, also with its doors open', { skip: cannotUnshare() }, async () => {
  await using server = await listening()
  const said = await sayings(
    attempts("import net from 'node:net'; import dgram from 'node:dgram'", {
      tcp: `await new Promise((resolve, reject) => net.connect(${server.port}, '127.0.0.1', () => resolve(0)).on('error', reject))`,
      udp: `await new Promise((resolve, reject) => dgram.createSocket('udp4').send('x', ${server.port}, '127.0.0.1', (error) => error ? reject(error) : resolve(0)))`,
    }),
  )
  assert.deepEqual(said, { tcp: 'ENETUNREACH', udp: 'ENETUNREACH' })
  assert.equal(server.connections, 0)
})

function cannotUnshare(): string | false {
  try {
    execFileSync('unshare', ['-Un', 'true'], { stdio: 'ignore' })
    return false
  } catch {
    return 'kernel: no user namespaces'
  }
}

async function listening(): Promise<AsyncDisposable & { readonly port: number; readonly connections: number }> {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections
    },
    [Symbol.asyncDispose]: async () => await new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

test('one that fills its memory ends, whether in objects, buffers or text', async () => {
  for (const [what, program] of [
    ['objects', 'const list: object[] = []; for (;;) list.push({ a: [list.length] })'],
    ['buffers', 'const list: Buffer[] = []; for (;;) list.push(Buffer.alloc(8 << 20, 1))'],
    ['texts', "const list: string[] = []; for (;;) list.push(Buffer.alloc(8 << 20, 'a').toString('latin1'))"],
  ] as const) {
    assert.deepEqual(
      await run(program, { heapBytes: 64 << 20, memoryBytes: 900 << 20 }),
      { how: 'out of memory' },
      what,
    )
  }
})

test('one that says too much is ended', async () => {
  const program = "const piece = 'x'.repeat(1 << 20); const more = () => process.stdout.write(piece, more); more()"
  assert.deepEqual(await run(program, { imageBytes: 1 << 20 }), { how: 'failed' })
  assert.ok(mostOutput(previewLimits) < 32 << 20)
})

test('one that fails has failed, whatever it says', async () => {
  for (const program of [
    'process.exit(3)',
    "throw new Error('canary')",
    'process.abort()',
    "process.stdout.write('half'); process.kill(process.pid, 'SIGTERM')",
  ]) {
    assert.deepEqual(await run(program), { how: 'failed' })
  }
})

test('one that never ends is ended by the kernel, also when nobody watches any more', async () => {
  assert.deepEqual(await run('for (;;);', { milliseconds: 1000 }), { how: 'too slow' })

  await using folder = await tempFolder()
  writeFileSync(folder.join('program.ts'), 'process.stdin.resume(); for (;;);')
  const watcher = `
    import { ReadingProcess } from '${join(import.meta.dirname, 'reading-process.ts')}'
    import { previewLimits } from '${join(import.meta.dirname, 'limits.ts')}'
    const child = new ReadingProcess(new URL('${pathToFileURL(folder.join('program.ts')).href}'), { ...previewLimits, milliseconds: 1000 })
    console.log('child', child.pid)
    setInterval(() => undefined, 1000)`
  const cwd = join(import.meta.dirname, '..', '..', '..')
  await using parent = start(process.execPath, ['--input-type=module-typescript', '-e', watcher], { cwd })
  await parent.printed(/child \d+/)
  const pid = Number(/\d+/.exec(parent.output().stdout)?.[0])
  parent.kill('SIGKILL')
  await until(() => !isRunning(pid))
})

test('one that cannot be started is an error of ours, not of the file', async () => {
  const before = process.execPath
  process.execPath = '/does/not/exist'
  try {
    await assert.rejects(run(''), { code: 'PREVIEW_NOT_STARTED' })
  } finally {
    process.execPath = before
  }
})
