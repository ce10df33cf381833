import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { missing, peer } from '../../../test/helpers/peers.ts'
import { runOk } from '../../../test/helpers/run.ts'
import { StoredMachine } from '../../../test/helpers/stored-machine.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { grantRepository } from '../repositories/own-repositories.ts'

const password = 'correct horse battery'
const day = 86_400_000

interface State {
  readonly state: string
  readonly stored: boolean
  readonly due: string | null
  readonly lost: string
  readonly byHand: readonly string[]
}

/** The password of `TestRepository` has a blank in it, which no paper shows. */
async function setPassword({ services }: TestServer, { machine: id, client: clientId }: StoredMachine, typed: string) {
  await services.store.db.updateTable('repositories').set({ sealedPassword: null }).execute()
  await grantRepository(services, { id, clientId, name: 'office' }, typed)
}

async function ownerOf(server: TestServer, { client }: StoredMachine) {
  const headers = await server.tokenOf(await server.person({ [client]: 'owner' }))
  const at = `/api/clients/${client}/kit`
  return {
    state: async () => (await server.call('GET', at, { headers })).json as State,
    make: async (more: object = {}) => await server.call('POST', at, { headers, body: { password, ...more } }),
    type: async (code: string) => (await server.call('POST', `${at}/confirmation`, { headers, body: { code } })).json,
  }
}

function codeIn(text: string): string {
  return /Code of this kit: (\S+)/.exec(text)?.[1] ?? ''
}

for (const kind of storeKinds) {
  test(
    `${kind.name}: a kit counts as stored once its code was typed back, for a year, and while it is what it says`,
    { skip: kind.skip },
    async () => {
      await using server = await TestServer.open(kind)
      const office = await StoredMachine.create(server)
      await setPassword(server, office, 'correct-horse')
      const owner = await ownerOf(server, office)
      assert.deepEqual([(await owner.state()).state, (await owner.state()).stored], ['none', false])
      const { page, text } = (await owner.make()).json as { page: string; text: string }
      assert.equal((await owner.state()).state, 'unconfirmed')
      assert.ok(page.includes(codeIn(text)) && page.startsWith('<!doctype html>'))
      assert.deepEqual(await owner.type('ACDE'), { result: 'wrong', reason: 'mistyped' })
      assert.deepEqual(await owner.type(codeIn(text).toLowerCase()), { result: 'right', reason: null })
      const stored = await owner.state()
      assert.deepEqual([stored.state, stored.stored], ['stored', true])
      assert.match(stored.lost, /the data is lost for good/)
      server.clock.pass(366 * day)
      assert.deepEqual([(await owner.state()).state, (await owner.state()).stored], ['confirm-again', false])
      await owner.type(codeIn(text))
      assert.equal((await owner.state()).state, 'stored')

      await setPassword(server, office, 'quite-another-password')
      assert.deepEqual([(await owner.state()).state, (await owner.state()).stored], ['outdated', false])
      await owner.make()
      assert.deepEqual(await owner.type(codeIn(text)), { result: 'old', reason: null })
    },
  )
}

test('a kit is for owners who type their password; it stands in the audit log, and nothing of it anywhere', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  await setPassword(server, office, 'correct-horse')
  const owner = await ownerOf(server, office)
  const refused = await owner.make({ password: 'not the password' })
  assert.deepEqual([refused.status, (refused.json as { code: string }).code], [403, 'OWN_PASSWORD_WRONG'])
  for (let tries = 1; tries < 10; tries++) await owner.make({ password: 'guessed password' })
  const locked = await owner.make()
  assert.deepEqual([locked.status, (locked.json as { code: string }).code], [429, 'TOO_MANY_REQUESTS'])
  server.clock.pass(15 * 60_000)
  const { text } = (await owner.make()).json as { text: string }
  const { db } = server.services.store
  const written = JSON.stringify([
    await db.selectFrom('kits').selectAll().execute(),
    await db.selectFrom('audit').selectAll().execute(),
  ])
  assert.match(written, /kit\.make/)
  assert.ok(!written.includes(codeIn(text)) && !written.includes('correct'))
})

test('a client without repository has nothing to print; a password that is kept is written in by hand', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server, { keepsPassword: true })
  const owner = await ownerOf(server, office)
  assert.deepEqual((await owner.state()).byHand, ['office'])
  const { text } = (await owner.make({ language: 'de' })).json as { text: string }
  assert.match(text, /jede Maschine ihre eigenen Daten/)
  assert.ok(!text.includes('der die Passwörter hat'))
  await server.services.store.db.deleteFrom('repositories').execute()
  assert.equal(((await owner.make()).json as { code: string }).code, 'KIT_INVALID')
})

test('with the kit alone, stock restic brings the files back', { skip: missing('restic') }, async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  writeFileSync(`${server.services.folder}/typed`, 'correct-horse')
  const passwd = ['key', 'passwd', '--new-password-file', `${server.services.folder}/typed`]
  const env = { RESTIC_PASSWORD: 'correct horse' }
  await runOk(peer('restic'), ['-r', office.folder, '--no-cache', ...passwd], { env })
  await setPassword(server, office, 'correct-horse')
  await office.backUp({ 'bill.txt': Buffer.from('forty-two') })
  const { text } = (await (await ownerOf(server, office)).make()).json as { text: string }
  const lines = text.split('\n').filter((line) => line.startsWith('export '))
  const script = `${lines.join('\n')}\nrestic --no-cache dump latest /bill.txt`
  const PATH = `${dirname(peer('restic'))}:/usr/bin:/bin`
  assert.equal(await runOk('sh', ['-c', script], { env: { PATH } }), 'forty-two')
})
