import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { BusinessOfMachines } from '../helpers/business.ts'
import type { SeenOperation } from '../helpers/business.ts'

interface Forecast {
  readonly known: boolean
  readonly likely: number | null
  readonly reasons: readonly string[]
}

test('a test restore on the machine is timed, a trial makes the forecast known, and a repository that was damaged fails its check', async () => {
  await using business = await BusinessOfMachines.open()
  const files = business.folder.join('files')
  mkdirSync(files)
  for (let index = 0; index < 30; index++)
    writeFileSync(join(files, `file ${index} [x]*`), `content ${index}`.repeat(500))
  const nas = await business.machine('nas', { include: files })
  const snapshot = await business.backUp(nas)
  const at = (what: string) => `/api/machines/${nas.id}/${what}`
  const prove = async (what: string, body: object) =>
    await business.over((await business.ask<SeenOperation>(at(what), body)).id)
  assert.equal((await business.ask<Forecast>(at('forecast'))).known, false)

  const sample = await prove('test-restore', { where: 'machine', seed: 'story' })
  assert.equal(sample.state, 'done', sample.reason ?? '')
  assert.deepEqual([sample.result?.['snapshotId'], sample.result?.['offered']], [snapshot, 30])
  const [line] = await business.ask<{ measured: { bytesPerSecond: number } }[]>('/api/evidence?kind=line')
  assert.ok((line?.measured.bytesPerSecond ?? 0) > 0)
  const bySample = await business.ask<Forecast>(at('forecast'))
  assert.ok(
    bySample.reasons.some((reason) => reason.startsWith('A sample gives a rate')),
    bySample.reasons.join('\n'),
  )
  const trial = await prove('trial', {})
  assert.deepEqual([trial.state, trial.result?.['scope']], ['done', 'whole'], trial.reason ?? '')
  const forecast = await business.ask<Forecast>(at('forecast'))
  assert.match(forecast.reasons[0] ?? '', /^Based on 1 whole restore from this copy to this machine/)
  assert.equal(existsSync(join(nas.data, 'scratch')), false, 'nothing of it stays on the machine')

  assert.equal((await prove('check', { read: 'everything' })).state, 'done')
  const [{ id } = { id: '' }] = await business.ask<{ id: string }[]>('/api/repositories')
  spoilLargestPack(business.folder.join('server', 'repositories', id))
  const check = await prove('check', { read: 'everything' })
  assert.deepEqual([check.state, check.code], ['failed', 'DAMAGE_FOUND'])
  assert.match(check.reason ?? '', /It touches \d+ paths?\./)
  const spoiled = await prove('test-restore', { where: 'machine', seed: 'story' })
  assert.notEqual(spoiled.state, 'done')
  assert.equal((await prove('trial', { where: 'server' })).code, 'TEST_RESTORE_FAILED')
})

function spoilLargestPack(repository: string): void {
  const packs = readdirSync(repository, { recursive: true, encoding: 'utf8' })
    .filter((name) => /^data\/.*[0-9a-f]{64}$/.test(name))
    .map((name) => join(repository, name))
    .toSorted((one, other) => statSync(other).size - statSync(one).size)
  const [path = ''] = packs
  const bytes = readFileSync(path)
  bytes[50] = (bytes[50] as number) ^ 1
  writeFileSync(path, bytes)
}
