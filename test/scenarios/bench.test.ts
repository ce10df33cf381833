import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { missing } from '../helpers/peers.ts'
import { runOk } from '../helpers/run.ts'
import { tempFolder } from '../helpers/temp.ts'

const bench = join(import.meta.dirname, '..', '..', 'bench', 'main.ts')

test(
  'the benchmark runs works from data set to verdict, writes its figures, and leaves nothing behind',
  { skip: missing('restic') },
  async () => {
    await using place = await tempFolder()
    mkdirSync(place.join('place', 'data'), { recursive: true })
    const json = place.join('figures.json')
    const only = 'cold-small,prune-half,index-memory'
    const args = [bench, '--quick', '--place', place.join('place'), '--json', json, '--only', only]
    const stdout = await runOk(process.execPath, args, { timeout: 300_000 })
    assert.match(stdout, /^QUICK: /m)
    assert.match(stdout, /^ {2}understudy +\d+\.\d\d s .* MB/m)
    assert.match(stdout, /: at least 2 × as fast as restic \(\d+\.\d\d ×\)$/m)
    assert.match(stdout, /^\d+ of \d+ reached$/m)
    const { works } = JSON.parse(readFileSync(json, 'utf8')) as {
      works: { name: string; figures: Record<string, { seconds: number; peakMb?: number }> }[]
    }
    assert.deepEqual(works.map(({ name }) => name).join(), only)
    for (const { name, figures } of works) {
      assert.ok((figures['understudy']?.seconds ?? 0) > 0, name)
      assert.ok((figures['understudy']?.peakMb ?? 0) > 20, name)
    }
    assert.ok((works[0]?.figures['floor']?.seconds ?? 0) > 0)
    for (const folder of ['work', 'data'])
      assert.equal(existsSync(place.join('place', 'understudy-bench', folder)), false)
    assert.ok(existsSync(place.join('place', 'data')), 'what is not of the benchmark must stay')
  },
)
