import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from '../../test/helpers/run.ts'

/** The same moment as another time zone writes it: Node reads TZ only when it starts. */
async function inZone(zone: string, milliseconds: number): Promise<string> {
  const module = new URL('./local-time.ts', import.meta.url).href
  const code = `import(${JSON.stringify(module)}).then((m) => console.log(m.formatLocalTime(${milliseconds})))`
  const { stdout } = await run(process.execPath, ['-e', code], { env: { TZ: zone } })
  return stdout.trim()
}

test("a snapshot's time has the offset of its place, so that it belongs to that place's day", async () => {
  const moment = Date.UTC(2024, 1, 29, 12, 34, 56, 780)
  assert.equal(await inZone('UTC', moment), '2024-02-29T12:34:56.78Z')
  assert.equal(await inZone('Pacific/Kiritimati', moment), '2024-03-01T02:34:56.78+14:00')
  assert.equal(await inZone('America/St_Johns', moment), '2024-02-29T09:04:56.78-03:30')
})

test('a whole second is written without a fraction, as Go writes it', async () => {
  assert.equal(await inZone('UTC', Date.UTC(2024, 0, 1, 0, 0, 20)), '2024-01-01T00:00:20Z')
})
