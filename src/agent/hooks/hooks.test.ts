import assert from 'node:assert/strict'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'

import { tempFolder } from '../../../test/helpers/temp.ts'
import { betweenHooks, runHook } from './run-hook.ts'

const linuxOnly = { skip: process.platform !== 'linux' && 'needs the rights of a Unix' }

async function hooks(scripts: Readonly<Record<string, string>>) {
  const folder = await tempFolder()
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(folder.join(name), script.startsWith('#!') ? script : `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    chmodSync(folder.join(name), 0o755)
  }
  return folder
}

test('a hook is run by its name, with a clean environment, and what it says is kept', linuxOnly, async () => {
  await using folder = await hooks({ 'flush.sh': 'env; pwd; echo careful >&2' })
  process.env['CANARY_SECRET'] = 'canary'
  const facts = { POLICY: 'nightly' }
  const { stdout, stderr, kind } = await runHook('flush.sh', { folder: folder.path, kind: 'before', facts })
  const names = stdout
    .split('\n')
    .filter((line) => line.includes('='))
    .map((line) => line.split('=')[0])
  // What the shell itself sets is no matter.
  const ours = names.filter((name) => !['PWD', '_', 'SHLVL', 'OLDPWD'].includes(name as string))
  assert.deepEqual(new Set(ours), new Set(['LC_ALL', 'PATH', 'UNDERSTUDY_HOOK', 'UNDERSTUDY_POLICY']))
  assert.deepEqual([kind, stderr, stdout.endsWith('\n/\n')], ['before', 'careful\n', true])
})

test('a name that is more than a name is refused', linuxOnly, async () => {
  await using folder = await hooks({ a: 'true' })
  mkdirSync(folder.join('sub'))
  for (const name of ['', '.', '..', '../a', 'sub/a', '/bin/true', '.a', 'a b', 'a\n', 'a\0', 'a'.repeat(65), '-rf'])
    await assert.rejects(
      runHook(name, { folder: folder.path, kind: 'before' }),
      { code: 'HOOK_NAME_INVALID' },
      JSON.stringify(name),
    )
  await assert.rejects(runHook('b', { folder: folder.path, kind: 'before' }), { code: 'HOOK_NOT_FOUND' })
  await assert.rejects(runHook('b', { folder: folder.join('none'), kind: 'before' }), { code: 'HOOK_NOT_FOUND' })
  await assert.rejects(runHook('sub', { folder: folder.path, kind: 'before' }), { code: 'HOOK_UNSAFE' })
})

test('what somebody else could have put there is not run', linuxOnly, async () => {
  await using folder = await hooks({
    group: 'true',
    others: 'true',
    theirs: 'true',
    good: 'true',
    plain: 'true',
    broken: '#!/no/such',
  })
  const run = async (name: string) => await runHook(name, { folder: folder.path, kind: 'before' })
  chmodSync(folder.join('group'), 0o775)
  chmodSync(folder.join('others'), 0o757)
  symlinkSync(folder.join('good'), folder.join('link'))
  chmodSync(folder.join('plain'), 0o644)
  const unsafe = ['group', 'others', 'link']
  if (process.getuid?.() === 0) {
    chownSync(folder.join('theirs'), 65_534, 65_534)
    unsafe.push('theirs')
  }
  for (const name of unsafe) await assert.rejects(run(name), { code: 'HOOK_UNSAFE' }, name)
  for (const name of ['plain', 'broken']) await assert.rejects(run(name), { code: 'HOOK_NOT_STARTED' }, name)
  await run('good')
  chmodSync(folder.path, 0o777)
  await assert.rejects(run('good'), { code: 'HOOK_UNSAFE', message: /others may write to the folder/ })
  // Not even when the folder above is in a sticky one.
  chmodSync(folder.path, 0o1777)
  await assert.rejects(run('good'), { code: 'HOOK_UNSAFE' })
  chmodSync(folder.path, 0o700)
})

test('a hook that fails, hangs, or prints without end is ended and told', linuxOnly, async () => {
  await using folder = await hooks({
    fails: 'echo reason >&2; exit 3',
    killed: 'kill -9 $$',
    hangs: `sleep 1000 & echo $! > "\${0%/*}/child"; wait`,
    floods: 'yes | head -c 20000000',
    leaves: 'sleep 5 & exit 0',
  })
  const run = async (name: string, timeout?: number) =>
    await runHook(name, { folder: folder.path, kind: 'before', timeout })
  await assert.rejects(run('fails'), { code: 'HOOK_FAILED', message: /code 3: reason/ })
  await assert.rejects(run('killed'), { code: 'HOOK_FAILED', message: /signal SIGKILL/ })
  await assert.rejects(run('hangs', 3_000), { code: 'HOOK_TOO_LONG' })
  const child = Number(readFileSync(folder.join('child'), 'utf8'))
  assert.equal(existsSync(`/proc/${child}/exe`), false) // what it had started is gone too
  assert.equal((await run('floods')).stdout.length, 16 << 10)
  await run('leaves')
})

test('the hook after runs in every case; the one for failures when there was one', linuxOnly, async () => {
  const note = 'echo "$UNDERSTUDY_HOOK" >> "${0%/*}/log"'
  await using folder = await hooks({ note, bad: `${note}; exit 1` })
  const log = () => readFileSync(folder.join('log'), 'utf8').trim().split('\n').splice(0)
  const clear = () => writeFileSync(folder.join('log'), '')
  const failed: unknown[] = []
  const options = {
    folder: folder.path,
    onHookFailed: (error: unknown) => failed.push((error as { code: string }).code),
  }
  const names = { before: 'note', after: 'note', failure: 'note' }
  assert.equal(await betweenHooks(names, async () => 7, options), 7)
  assert.deepEqual(log(), ['before', 'after'])
  clear()
  const work = async () => Promise.reject(new Error('of the work'))
  await assert.rejects(betweenHooks(names, work, options), /of the work/)
  assert.deepEqual(log(), ['before', 'failure', 'after'])
  clear()
  await assert.rejects(
    betweenHooks({ ...names, before: 'bad' }, async () => assert.fail('it was done'), options),
    { code: 'HOOK_FAILED' },
  )
  assert.deepEqual(log(), ['before', 'failure', 'after'])
  clear()
  assert.deepEqual(failed, [])
  assert.equal(await betweenHooks({ ...names, after: 'bad' }, async () => 7, options), 7)
  assert.deepEqual(failed, ['HOOK_FAILED'])
  clear()
  const controller = new AbortController()
  const cancelled = async () => {
    controller.abort(new Error('enough'))
    throw controller.signal.reason
  }
  await assert.rejects(betweenHooks(names, cancelled, { ...options, signal: controller.signal }), /enough/)
  assert.deepEqual(log(), ['before', 'failure', 'after'])
})
