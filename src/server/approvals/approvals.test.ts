import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeptRepository } from '../../../test/helpers/kept-repository.ts'
import type { Owner } from '../../../test/helpers/kept-repository.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { carryOut, lookAtApprovals } from './carry-out.ts'

const hour = 3_600_000
const day = 24 * hour

interface Shown {
  readonly id: string
  readonly state: string
  readonly needs: string
  readonly sentence: string
}

async function askForDeletion(kept: KeptRepository, { token }: Owner): Promise<Shown> {
  const answer = await kept.server.call('DELETE', `/api/machines/${kept.machine}`, { headers: token })
  const { done, waits } = answer.json as { readonly done: boolean; readonly waits: Shown }
  assert.equal(done, false, answer.text)
  return waits
}

/** What the call answers: the state it led to, or the code of its refusal. */
async function decide(kept: KeptRepository, path: string, headers: Owner['session']): Promise<string> {
  const { json } = await kept.server.call('POST', `/api/approvals/${path}`, { headers })
  const { code, state } = json as { readonly code?: string; readonly state?: string }
  return code ?? state ?? 'nothing'
}

async function operations(kept: KeptRepository): Promise<string[]> {
  const rows = await kept.services.store.db
    .selectFrom('operations')
    .select('kind')
    .where('kind', '!=', 'backup')
    .execute()
  return rows.map(({ kind }) => kind)
}

for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(
    about('what removes backups needs a second person, who has signed in just now, and never the one who asked'),
    { skip },
    async () => {
      await using kept = await KeptRepository.open(kind)
      const [asker, other, fresh] = [await kept.owner(), await kept.owner(), await kept.owner({ knownFor: hour })]
      await kept.signInNow()
      const waits = await askForDeletion(kept, asker)
      assert.deepEqual([waits.state, waits.needs], ['waiting', 'person'])
      assert.match(
        waits.sentence,
        /^Asked to delete the machine "till" with all its backups\. It waits for another person/,
      )
      assert.equal((await askForDeletion(kept, asker)).id, waits.id, 'asked twice it is one')
      const allow = `${waits.id}/allow`
      assert.equal(await decide(kept, allow, asker.session), 'APPROVAL_OWN')
      assert.equal(await decide(kept, allow, other.token), 'SIGN_IN_NEEDED', 'a token cannot')
      assert.equal(await decide(kept, allow, fresh.session), 'APPROVAL_PERSON_NEW')
      kept.server.clock.pass(11 * 60_000)
      assert.equal(await decide(kept, allow, other.session), 'PROOF_NEEDED')
      await kept.signInNow()
      assert.deepEqual(await operations(kept), [])
      assert.equal(await decide(kept, allow, other.session), 'done')
      assert.equal(await decide(kept, allow, other.session), 'STATE_WRONG')
      assert.deepEqual(await operations(kept), ['delete-repository'])
    },
  )

  test(
    about('with one person it happens after a delay in which everybody is told, unless somebody withdraws it'),
    { skip },
    async () => {
      await using kept = await KeptRepository.open(kind)
      const { services, server } = kept
      const asker = await kept.owner()
      const first = await askForDeletion(kept, asker)
      assert.equal(first.needs, 'delay')
      const told = await services.store.db.selectFrom('events').selectAll().where('kind', '=', 'approval').execute()
      assert.deepEqual([told[0]?.subject, told[0]?.clientId], [first.id, kept.client])
      server.clock.pass(71 * hour)
      await lookAtApprovals(services)
      assert.equal(await decide(kept, `${first.id}/withdraw`, asker.token), 'withdrawn')
      server.clock.pass(2 * hour)
      await lookAtApprovals(services)
      assert.deepEqual(await operations(kept), [])

      const second = await askForDeletion(kept, asker)
      // Invited since: a thief of the one account would do that.
      const helper = await kept.owner({ knownFor: 0 })
      assert.equal(await decide(kept, `${second.id}/allow`, helper.session), 'APPROVAL_PERSON_NEW')
      server.clock.pass(73 * hour)
      await Promise.all([lookAtApprovals(services), lookAtApprovals(services), carryOut(services, second.id)])
      assert.deepEqual(await operations(kept), ['delete-repository'], 'once, however many look')
    },
  )

  test(
    about('everybody hears of what waits, until it is decided; and of an attack that somebody tells of'),
    { skip },
    async () => {
      await using kept = await KeptRepository.open(kind)
      const { services } = kept
      const asker = await kept.owner()
      const told = async () => {
        await services.alerting.cycle(services)
        const { state } = await services.alerting.store.load()
        const own = Object.values(state.open).filter(({ condition }) => /approval|attacked/.test(condition.kind))
        return own.map(({ condition, gone }) => [condition.kind, condition.severity, condition.facts, gone?.how])
      }
      assert.deepEqual(await told(), [])
      const { id } = await askForDeletion(kept, asker)
      const [[what, severity, facts] = []] = await told()
      assert.deepEqual([what, severity], ['approval_waits', 'critical'])
      const { notBefore: happensAt } = await services.store.db
        .selectFrom('approvals')
        .selectAll()
        .executeTakeFirstOrThrow()
      const { what: wanted, happensAt: when } = facts as { readonly what: string; readonly happensAt: number }
      assert.deepEqual([wanted, when], ['delete the machine "till" with all its backups', happensAt])
      await decide(kept, `${id}/withdraw`, asker.token)
      assert.deepEqual(
        (await told()).map(([, , , gone]) => gone).filter((gone) => gone !== 'resolved'),
        [],
      )
      await services.store.db.updateTable('clients').set({ state: 'attacked' }).where('id', '=', kept.client).execute()
      const open = (await told()).filter(([, , , gone]) => gone === undefined)
      assert.deepEqual(
        open.map(([name, worst]) => [name, worst]),
        [['client_attacked', 'warning']],
      )
    },
  )

  test(about('what nobody allows in time has expired, and is never done'), { skip }, async () => {
    await using kept = await KeptRepository.open(kind)
    const [asker, other] = [await kept.owner(), await kept.owner()]
    const { id } = await askForDeletion(kept, asker)
    kept.server.clock.pass(8 * day)
    await lookAtApprovals(kept.services)
    await kept.signInNow()
    assert.equal(await decide(kept, `${id}/allow`, other.session), 'STATE_WRONG')
    const { state } = await kept.services.store.db.selectFrom('approvals').selectAll().executeTakeFirstOrThrow()
    assert.deepEqual([state, await operations(kept)], ['expired', []])
  })

  test(
    about('an attack withdraws whatever waits, refuses what is asked for, and ends by a second person only'),
    { skip },
    async () => {
      await using kept = await KeptRepository.open(kind)
      const { server, services } = kept
      const [asker, other] = [await kept.owner(), await kept.owner()]
      const { id } = await askForDeletion(kept, asker)
      const running = { clientId: kept.client, machineId: null, kind: 'retention', requestedBy: 'schedule' }
      await services.operations.create({ ...running, order: { repository: kept.id } })
      const entered = await server.call('POST', `/api/clients/${kept.client}/attacked`, { headers: asker.token })
      assert.equal((entered.json as { state: string }).state, 'attacked')
      assert.equal(await decide(kept, `${id}/allow`, other.session), 'STATE_WRONG')
      const states = await services.store.db.selectFrom('operations').select('state').execute()
      assert.deepEqual(states, [{ state: 'cancelled' }])
      const refused = await server.call('DELETE', `/api/machines/${kept.machine}`, { headers: asker.token })
      assert.equal((refused.json as { code: string }).code, 'APPROVAL_CLIENT_ATTACKED')
      const leaving = await server.call('POST', `/api/clients/${kept.client}/not-attacked`, { headers: asker.token })
      const { waits } = leaving.json as { readonly waits: Shown }
      await kept.signInNow()
      assert.equal(await decide(kept, `${waits.id}/allow`, asker.session), 'APPROVAL_OWN')
      assert.equal(await decide(kept, `${waits.id}/allow`, other.session), 'done')
      const { state } = await services.store.db.selectFrom('clients').selectAll().executeTakeFirstOrThrow()
      assert.equal(state, 'normal')
    },
  )

  test(
    about('a keep that is made shorter waits, one that is made longer does not, and where nothing is kept yet neither'),
    { skip },
    async () => {
      await using kept = await KeptRepository.open(kind)
      const [asker, other] = [await kept.owner(), await kept.owner()]
      const id = await kept.policy({ daily: 9 })
      const change = async (daily: number) => {
        const { db } = kept.services.store
        const { document } = await db.selectFrom('policies').select('document').executeTakeFirstOrThrow()
        const body = { ...(JSON.parse(document) as object), keep: { daily } }
        const { json } = await kept.server.call('PUT', `/api/policies/${id}`, { headers: asker.token, body })
        const { policy, waits } = json as { policy: { keep: { daily: number } }; waits?: Shown }
        return { daily: policy.keep.daily, waits }
      }
      assert.deepEqual(await change(8), { daily: 8, waits: undefined }, 'nothing is kept by it yet')
      await kept.backup()
      assert.deepEqual(await change(14), { daily: 14, waits: undefined })
      const { daily, waits } = await change(3)
      assert.equal(daily, 14)
      const assigned = { headers: asker.token, body: { policies: [] } }
      await kept.server.call('PUT', `/api/machines/${kept.machine}/policies`, assigned)
      assert.deepEqual(await kept.services.store.db.selectFrom('machinePolicies').selectAll().execute(), [])
      await kept.signInNow()
      assert.equal(await decide(kept, `${waits?.id}/allow`, other.session), 'done')
      assert.equal((await change(3)).daily, 3)
    },
  )
}

test('what was asked for at the very moment at which an attack was told of is not done in it', async () => {
  await using kept = await KeptRepository.open()
  const { services } = kept
  const { id } = await askForDeletion(kept, await kept.owner())
  // Entered after everything that waited was withdrawn.
  await services.store.db.updateTable('clients').set({ state: 'attacked' }).where('id', '=', kept.client).execute()
  await services.store.db.updateTable('approvals').set({ state: 'allowed' }).where('id', '=', id).execute()
  await lookAtApprovals(services)
  const { state } = await services.store.db.selectFrom('approvals').selectAll().executeTakeFirstOrThrow()
  assert.deepEqual([state, await operations(kept)], ['failed', []])
})

test('what was allowed cannot be done any more: it has failed, with the reason in the audit log', async () => {
  await using kept = await KeptRepository.open()
  const [asker, other] = [await kept.owner(), await kept.owner()]
  const id = await kept.policy({ daily: 9 })
  await kept.backup()
  const { db } = kept.services.store
  const { document } = await db.selectFrom('policies').select('document').executeTakeFirstOrThrow()
  const body = { ...(JSON.parse(document) as object), keep: { daily: 3 } }
  const asked = await kept.server.call('PUT', `/api/policies/${id}`, { headers: asker.token, body })
  const { waits } = asked.json as { readonly waits: Shown }
  const longer = { ...body, keep: { daily: 30 } }
  assert.equal(
    (await kept.server.call('PUT', `/api/policies/${id}`, { headers: asker.token, body: longer })).status,
    200,
  )
  await kept.signInNow()
  assert.equal(await decide(kept, `${waits.id}/allow`, other.session), 'failed')
  const entries = await Array.fromAsync(kept.services.audit.entries())
  assert.match(entries.find(({ what }) => what === 'approval.fail')?.details ?? '', /changed/)
})

test('safety settings are made safer at once, and less safe by a second person or after the delay of before', async () => {
  await using kept = await KeptRepository.open()
  const owner = await kept.owner()
  const put = async (body: object) => {
    const { json } = await kept.server.call('PUT', '/api/settings/safety', { headers: owner.token, body })
    return json as { readonly settings: { readonly delayHours: number }; readonly waits: Shown | null }
  }
  assert.equal((await put({ delayHours: 100 })).settings.delayHours, 100)
  const { settings, waits } = await put({ delayHours: 1 })
  assert.deepEqual([settings.delayHours, waits?.needs], [100, 'delay'])
  assert.match(waits?.sentence ?? '', /a delay of 1 hour, 30 days to put back, at most 25 % of the snapshots/)
  kept.server.clock.pass(99 * hour)
  await lookAtApprovals(kept.services)
  assert.equal((await put({ delayHours: 100 })).settings.delayHours, 100)
  kept.server.clock.pass(2 * hour)
  await lookAtApprovals(kept.services)
  const { json } = await kept.server.call('GET', '/api/settings/safety', { headers: owner.token })
  assert.equal((json as { delayHours: number }).delayHours, 1)
})

test('of the safety settings what is not named stays, and who is asked for less reads all of it', async () => {
  await using kept = await KeptRepository.open()
  const owner = await kept.owner()
  const put = async (body: object) => {
    const { json } = await kept.server.call('PUT', '/api/settings/safety', { headers: owner.token, body })
    return json as { readonly settings: object; readonly waits: Shown | null }
  }
  await put({ delayHours: 100 })
  const { settings, waits } = await put({ softDeleteDays: 60 })
  const usual = { approvalDays: 7, mostSnapshots: 0.25, mostBytes: 0.25 }
  assert.deepEqual([settings, waits], [{ ...usual, delayHours: 100, softDeleteDays: 60 }, null])
  const { waits: brakeOff } = await put({ mostSnapshots: 1 })
  assert.match(brakeOff?.sentence ?? '', /100 hours, 60 days to put back, at most 100 % of the snapshots and 25 % of/)
})

test('a clock that was set forward ends no delay while the machines say otherwise', async () => {
  await using kept = await KeptRepository.open()
  const { services, server } = kept
  await askForDeletion(kept, await kept.owner())
  const ahead = -365 * day
  server.clock.suspend((365 * day) / 100)
  const heard = { publicKey: 'k', lastSeenAt: server.clock.now(), clockAheadMs: ahead }
  await services.store.db.updateTable('machines').set(heard).execute()
  await lookAtApprovals(services)
  assert.deepEqual(await operations(kept), [])
  await services.store.db.updateTable('machines').set({ clockAheadMs: 0 }).execute()
  await lookAtApprovals(services)
  assert.deepEqual(await operations(kept), ['delete-repository'])
})
