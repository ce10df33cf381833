/** The program as people and scripts run it: real processes, real files, restic beside it. */
import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { compareTrees } from '../helpers/compare-trees.ts'
import { missing, peer } from '../helpers/peers.ts'
import { run, runOk, start } from '../helpers/run.ts'
import type { RunResult } from '../helpers/run.ts'
import { tempFolder } from '../helpers/temp.ts'
import type { TempFolder } from '../helpers/temp.ts'

const program = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')

/** A folder with a repository, some files and the environment for both programs. */
class Place {
  readonly folder: TempFolder
  readonly env: Record<string, string | undefined>

  constructor(folder: TempFolder) {
    this.folder = folder
    this.env = {
      UNDERSTUDY_REPOSITORY: folder.join('repository'),
      RESTIC_REPOSITORY: folder.join('repository'),
      RESTIC_PASSWORD: 'secret',
      RESTIC_CACHE_DIR: folder.join('cache'),
      RESTIC_PASSWORD_FILE: undefined,
      UNDERSTUDY_PASSWORD: undefined,
      UNDERSTUDY_PASSWORD_FILE: undefined,
    }
  }

  get files(): string {
    return this.folder.join('files')
  }

  ours(...args: string[]): Promise<RunResult> {
    return run(process.execPath, [program, ...args], { env: this.env })
  }

  async oursOk(...args: string[]): Promise<string> {
    return await runOk(process.execPath, [program, ...args], { env: this.env })
  }

  restic(...args: string[]): Promise<string> {
    return runOk(peer('restic'), args, { env: this.env })
  }

  names(type: string): Promise<string[]> {
    return readdir(this.folder.join('repository', type))
  }
}

async function makePlace(folder: TempFolder): Promise<Place> {
  const place = new Place(folder)
  await mkdir(join(place.files, 'inner'), { recursive: true })
  await writeFile(join(place.files, 'a.txt'), 'hello\n')
  await writeFile(join(place.files, 'inner', 'b.bin'), Buffer.alloc(200_000, 'abc'))
  await writeFile(join(place.files, 'odd \u001b[2J name'), '')
  await place.oursOk('init')
  return place
}

function lines(text: string): Record<string, unknown>[] {
  const parsed = text.split('\n').filter((line) => line.startsWith('{'))
  return parsed.map((line) => JSON.parse(line) as Record<string, unknown>)
}

function last(text: string): Record<string, unknown> {
  return lines(text).at(-1) ?? {}
}

test('programs that read the JSON of restic find the same in ours', { skip: missing('restic') }, async () => {
  await using folder = await tempFolder()
  const place = await makePlace(folder)
  const ourSummary = last(await place.oursOk('backup', '--json', '--tag', 'a,b', place.files))
  await writeFile(join(place.files, 'c.txt'), 'more\n')
  const itsSummary = last(await place.restic('backup', '--json', place.files))
  assert.deepEqual(Object.keys(ourSummary), Object.keys(itsSummary))

  const sameFor = async (args: readonly string[], parse: (text: string) => unknown) =>
    assert.deepEqual(parse(await place.oursOk(...args)), parse(await place.restic(...args)), args.join(' '))
  await sameFor(['snapshots', '--json'], withoutFractions)
  await sameFor(['snapshots', '--json', '--latest', '1', '--tag', 'a'], withoutFractions)
  await sameFor(['ls', '--json', 'latest'], lines)
  await sameFor(['ls', '--json', 'latest', join(place.files, 'inner')], lines)
  await sameFor(['ls', '--ncdu', 'latest'], JSON.parse)
  await sameFor(['stats', '--json', '--mode', 'raw-data'], JSON.parse)
  await sameFor(['forget', '--keep-last', '1', '--dry-run', '--json'], withoutFractions)
  await sameFor(['key', 'list', '--json'], JSON.parse)
  await sameFor(['cat', 'config'], JSON.parse)
  await sameFor(['list', 'packs'], (text) => text.split('\n').toSorted())
})

/** restic prints times anew, without zeros at the end of a second's fraction. */
function withoutFractions(text: string): unknown {
  return JSON.parse(text.replace(/(:\d\d\.\d*?)0+Z"/g, '$1Z"'))
}

test('what was backed up comes back, with the plan first, and only what differs is written', async () => {
  await using folder = await tempFolder()
  const place = await makePlace(folder)
  await place.oursOk('backup', place.files)
  const target = folder.join('back')
  const args = ['restore', `latest:${place.files}`, '--target', target]
  assert.match(await place.oursOk(...args, '--dry-run'), /Would restore:\n +new +3 /)
  assert.deepEqual(
    await readdir(folder.path),
    ['cache', 'files', 'repository'].filter((name) => name !== 'cache'),
  )
  const first = last(await place.oursOk(...args, '--json', '--verify'))
  assert.deepEqual([first.total_files, first.files_restored, first.bytes_restored], [4, 4, 200_006])
  assert.deepEqual(compareTrees(place.files, target, { ignore: ['root'] }), [])
  await writeFile(join(target, 'a.txt'), 'spoiled')
  await writeFile(join(target, 'foreign'), '')
  const second = last(await place.oursOk(...args, '--json', '--delete'))
  assert.deepEqual([second.files_skipped, second.bytes_restored, second.files_deleted], [2, 6, 1])
  assert.deepEqual(compareTrees(place.files, target, { ignore: ['root'] }), [])
})

test('every end has its exit code, one sentence with a code and a hint, and with --json a line of JSON', async () => {
  await using folder = await tempFolder()
  const place = await makePlace(folder)
  const expectEnd = async (code: number, name: string, ...args: string[]) => {
    const plain = await place.ours(...args)
    assert.equal(plain.code, code, `${args.join(' ')}: ${plain.stderr}`)
    assert.match(plain.stderr, new RegExp(`^(Fatal|Warning): [^\\n]+ \\(${name}\\)\\n  \\S[^\\n]+\\n$`, 'm'))
    const { message_type, code: inJson, error } = last((await place.ours(...args, '--json')).stderr)
    assert.deepEqual([message_type, inJson, error], ['exit_error', code, name])
  }
  await expectEnd(10, 'REPOSITORY_NOT_FOUND', 'snapshots', '--repo', folder.join('nothing'))
  await writeFile(folder.join('wrong'), 'wrong')
  await expectEnd(12, 'PASSWORD_WRONG', 'snapshots', '--password-file', folder.join('wrong'))
  await expectEnd(1, 'USAGE', 'backup', '--exclud', 'x')
  await expectEnd(1, 'USAGE', 'bakup')
  await expectEnd(1, 'TARGETS_MISSING', 'backup', folder.join('absent'))
  await expectEnd(1, 'SNAPSHOT_NOT_FOUND', 'ls', 'latest')
  await expectEnd(3, 'SOURCE_INCOMPLETE', 'backup', place.files, folder.join('absent'))
  assert.equal((await place.names('snapshots')).length, 2)
  await expectEnd(1, 'POLICY_EMPTY', 'forget')
})

test('a file name cannot write to the terminal', async () => {
  await using folder = await tempFolder()
  const place = await makePlace(folder)
  const output = await place.oursOk('backup', '-vv', place.files)
  assert.match(output, /odd \\u001b\[2J name/)
  assert.ok(!(output + (await place.oursOk('ls', '-l', 'latest'))).includes('\u001b'))
})

test('Ctrl-C in the middle of a backup ends it cleanly: no snapshot, no lock; meanwhile nobody else may prune', async () => {
  await using folder = await tempFolder()
  const place = await makePlace(folder)
  const args = [program, 'backup', '--stdin-from-command', '--', 'sh', '-c', 'echo started >&2; exec cat /dev/zero']
  await using backup = start(process.execPath, args, { env: place.env })
  await backup.printed(/started/)
  while ((await place.names('locks')).length === 0) await sleep(20)
  const refused = await place.ours('prune')
  assert.deepEqual([refused.code, /REPOSITORY_LOCKED/.test(refused.stderr)], [11, true])
  backup.kill('SIGINT')
  const { code, stderr } = await backup.result
  assert.deepEqual([code, /\(INTERRUPTED\)/.test(stderr)], [130, true], stderr)
  assert.deepEqual(await place.names('locks'), [])
  assert.deepEqual(await place.names('snapshots'), [])
  assert.match(await place.oursOk('check', '--read-data'), /no errors were found/)
})

test('a command that fails gives no snapshot, and one that prints something gives its output back', async () => {
  await using folder = await tempFolder()
  const place = await makePlace(folder)
  const failed = await place.ours('backup', '--stdin-from-command', '--', 'sh', '-c', 'echo half; exit 3')
  assert.deepEqual([failed.code, /\(COMMAND_FAILED\)/.test(failed.stderr)], [1, true])
  const printing = ['sh', '-c', 'printf "$RESTIC_PASSWORD."']
  await place.oursOk('backup', '--stdin-filename', '/db/dump.sql', '--stdin-from-command', '--', ...printing)
  await place.oursOk('restore', 'latest:/db', '--target', folder.join('back'))
  assert.equal(await runOk('cat', [folder.join('back', 'dump.sql')]), '.') // it saw no password
})

test('a reader that goes away ends a listing at once and without a word', async () => {
  await using folder = await tempFolder()
  const place = await makePlace(folder)
  for (let i = 0; i < 1500; i++) await writeFile(join(place.files, `${'long name '.repeat(15)}${i}`), '')
  await place.oursOk('backup', place.files)
  const command = `{ "$1" "$2" ls -l latest; echo $? >code; } | head -n 1`
  const { stderr, stdout } = await run('sh', ['-c', command, 'sh', process.execPath, program], {
    env: place.env,
    cwd: folder.path,
  })
  assert.deepEqual([stdout.split('\n').length, stderr], [2, ''])
  assert.equal((await runOk('cat', [folder.join('code')])).trim(), '141')
  assert.deepEqual(await place.names('locks'), [])
})

test('passwords are added, changed and removed, and the one in use cannot be removed', async () => {
  await using folder = await tempFolder()
  const place = await makePlace(folder)
  await writeFile(folder.join('new'), 'other\n')
  await place.oursOk('key', 'add', '--new-password-file', folder.join('new'), '--user', 'anna', '--host', 'nas')
  const keys = JSON.parse(await place.oursOk('key', 'list', '--json')) as {
    current: boolean
    id: string
    userName: string
  }[]
  assert.deepEqual([keys.length, keys.filter(({ userName }) => userName === 'anna').length], [2, 1])
  const current = keys.find((key) => key.current)?.id as string
  assert.match((await place.ours('key', 'remove', current)).stderr, /KEY_IN_USE/)
  await place.oursOk('key', 'remove', current.slice(0, 12), '--password-file', folder.join('new'))
  assert.equal((await place.ours('key', 'list')).code, 12)
})

test('forget and prune remove what the policy says, and say so before', async () => {
  await using folder = await tempFolder()
  const place = await makePlace(folder)
  await place.oursOk('backup', place.files)
  await writeFile(join(place.files, 'inner', 'b.bin'), 'another')
  await place.oursOk('backup', place.files)
  assert.match(await place.oursOk('forget', '--keep-last', '1', '--dry-run'), /remove 1 snapshot:/)
  assert.equal((await place.names('snapshots')).length, 2)
  await place.oursOk('forget', '--keep-last', '1', '--prune', '--keep-deleted', '0', '--max-unused', '0')
  assert.equal((await place.names('snapshots')).length, 1)
  const { total_blob_count: blobs } = JSON.parse(await place.oursOk('stats', '--mode', 'raw-data', '--json')) as {
    total_blob_count: number
  }
  assert.equal((await place.oursOk('list', 'blobs')).trim().split('\n').length, blobs)
})
