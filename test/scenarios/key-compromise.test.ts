import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTree } from '../helpers/make-tree.ts'
import { missing, peer } from '../helpers/peers.ts'
import { run, runOk } from '../helpers/run.ts'
import { testSeed } from '../helpers/seed.ts'
import { mainModule } from '../helpers/serving.ts'
import { tempFolder } from '../helpers/temp.ts'

/** The steps as they stand in the manual, between these words; the test runs just them. */
function stepsIn(manual: string): string {
  const steps = /<!-- a key is known to others -->\n+```sh\n([\s\S]*?)```/.exec(manual)?.[1]
  assert.ok(steps, 'the manual has them')
  return steps
}

test(
  'when a key is known to others: the steps of the manual bring everything into a repository that it does not open, and say how long it took',
  { skip: missing('restic') },
  async () => {
    await using folder = await tempFolder()
    makeTree(folder.join('source'), { seed: testSeed(), files: 12, biggest: 100_000, depth: 3 })
    writeFileSync(folder.join('old.password'), 'known to others')
    writeFileSync(folder.join('new.password'), 'known to nobody else')
    const understudy = async (...args: readonly string[]) => await runOk(process.execPath, [mainModule, ...args])
    const old = ['--repo', folder.join('old'), '--password-file', folder.join('old.password')]
    await understudy('init', ...old)
    await understudy('backup', ...old, folder.join('source'))
    writeFileSync(folder.join('source', 'bill.txt'), 'forty-two')
    await understudy('backup', ...old, folder.join('source'))

    const manual = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'security.md'), 'utf8')
    const program = `understudy() { "${process.execPath}" "${mainModule}" "$@"; }\n`
    const script = `set -e\ncd "${folder.path}"\n${program}OLD="${folder.join('old')}"\nNEW="${folder.join('new')}"\n`
    const said = await runOk('bash', ['-c', script + stepsIn(manual)])
    assert.match(said, /It took \d+ seconds\./)

    const asNew = { RESTIC_REPOSITORY: folder.join('new'), RESTIC_PASSWORD_FILE: folder.join('new.password') }
    const listed = await runOk(peer('restic'), ['snapshots', '--json', '--no-cache'], { env: asNew })
    assert.equal((JSON.parse(listed) as unknown[]).length, 2)
    const bill = await runOk(peer('restic'), ['dump', 'latest', folder.join('source', 'bill.txt'), '--no-cache'], {
      env: asNew,
    })
    assert.equal(bill, 'forty-two')
    const asOld = { ...asNew, RESTIC_PASSWORD_FILE: folder.join('old.password') }
    assert.equal((await run(peer('restic'), ['snapshots', '--no-cache'], { env: asOld })).code, 12)
    // Not only another password: what the old master key sealed is nowhere in it.
    const sealed = new Set(readdirSync(folder.join('old', 'data'), { recursive: true, encoding: 'utf8' }).map(nameOf))
    for (const path of readdirSync(folder.join('new', 'data'), { recursive: true, encoding: 'utf8' })) {
      if (nameOf(path).length === 64) assert.ok(!sealed.has(nameOf(path)), path)
    }
    for (const name of readdirSync(folder.join('new', 'keys'))) {
      const key = JSON.parse(readFileSync(folder.join('new', 'keys', name), 'utf8')) as Record<string, number>
      const { N = 0, r = 0, p = 0 } = key
      assert.ok(N >= 32_768 && r >= 8 && p >= 1, `a try of the password costs ${JSON.stringify({ N, r, p })}`)
    }
  },
)

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
