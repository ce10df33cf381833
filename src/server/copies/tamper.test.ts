import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { missing } from '../../../test/helpers/peers.ts'
import { startRestServer } from '../../../test/helpers/rest-server.ts'
import { serverRepository } from '../../../test/helpers/server-repository.ts'
import { missingSshd, startSshd } from '../../../test/helpers/sshd.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { workUntilIdle } from '../../../test/helpers/work-until-idle.ts'
import { createDestination } from './destinations.ts'
import { orderTamperTests } from './tamper-job.ts'

const plain = { lockDays: null, remindAfterDays: null, place: {}, isOfServer: true } as const
const writer = { writer: true, machine: false, people: [] }

interface More {
  readonly isSaidToHold?: boolean
  readonly credentials?: { readonly privateKey: string; readonly knownHosts: string }
}

async function tamperWithDestination(
  at: 'folder' | 'rest' | 'sftp',
  location: string,
  { isSaidToHold = false, credentials }: More = {},
) {
  await using server = await TestServer.open()
  const { services } = server
  const { clientId } = await serverRepository(services)
  const deletableBy = { ...writer, writer: !isSaidToHold }
  await createDestination(services, clientId, { ...plain, name: 'Place', kind: at, location, deletableBy, credentials })
  await orderTamperTests(services)
  await orderTamperTests(services)
  await workUntilIdle(services)
  const operations = await services.store.db.selectFrom('operations').selectAll().execute()
  assert.equal(operations.length, 1, 'once a week')
  const evidence = await services.store.db.selectFrom('evidence').selectAll().execute()
  const [operation] = operations
  const { attempts = [] } = JSON.parse(evidence[0]?.measured ?? '{}') as {
    attempts?: { what: string; refused: boolean }[]
  }
  await services.alerting.cycle(services)
  const { open } = (await services.alerting.store.load()).state
  return {
    told: Object.values(open).map(({ condition }) => condition.kind as string),
    state: operation?.state,
    reason: operation?.reason,
    kinds: evidence.map((row) => row.kind),
    attempts: attempts.map(({ what, refused }) => `${what} ${refused ? 'refused' : 'done'}`),
  }
}

test('what is in a folder can be destroyed by whoever has the server, and that is recorded', async () => {
  await using folder = await tempFolder()
  const { state, kinds, attempts, told } = await tamperWithDestination('folder', folder.path)
  assert.deepEqual([state, kinds, attempts], ['done', ['tamper-test'], ['overwrite done', 'delete done']])
  assert.ok(!told.includes('tampering_not_refused'), 'nobody has said anything else of it')
})

test('a place that is said to keep what was written, and does not, is a warning, and somebody is told', async () => {
  await using folder = await tempFolder()
  const { state, reason, told } = await tamperWithDestination('folder', folder.path, { isSaidToHold: true })
  assert.equal(state, 'warnings')
  assert.match(reason ?? '', /"Place" is said to keep/)
  assert.ok(told.includes('tampering_not_refused'))
})

test(
  'a server that only appends refuses both, and that is recorded, too',
  { skip: missing('rest-server') },
  async () => {
    await using rest = await startRestServer({ appendOnly: true })
    const { state, attempts } = await tamperWithDestination('rest', `rest:http://127.0.0.1:${rest.port}`, {
      isSaidToHold: true,
    })
    assert.deepEqual([state, attempts], ['done', ['overwrite refused', 'delete refused']])
  },
)

test(
  'over SFTP the server comes in with the key that was given for the place, and leaves none of it on its disk',
  { skip: missingSshd() },
  async () => {
    await using sshd = await startSshd()
    const credentials = {
      privateKey: readFileSync(sshd.key, 'utf8'),
      knownHosts: readFileSync(sshd.knownHosts, 'utf8'),
    }
    const before = keyFolders()
    const { state, attempts } = await tamperWithDestination('sftp', sshd.location('copies'), { credentials })
    assert.deepEqual([state, attempts], ['done', ['delete done']])
    assert.deepEqual(keyFolders(), before)
  },
)

function keyFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('understudy-ssh-'))
}
