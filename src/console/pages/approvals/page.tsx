import { Button } from '@mantine/core'
import type { Approval } from '#protocol'
import { listPeople, readMe } from '../../api/calls.ts'
import { may } from '../../api/person.ts'
import type { Person } from '../../api/person.ts'
import { useAction, useAnswer } from '../../api/queries.ts'
import { allowApproval, listApprovals, refuseApproval, withdrawApproval } from '../../api/safety-calls.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Ago, Moment } from '../../parts/figures.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Answered, Empty, Failure } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import styles from './approvals.module.css'
import { approvalsWords } from './words.ts'

/** What one person has asked for and another must allow. */
export function ApprovalsPage() {
  const words = useWords(approvalsWords)
  const query = useAnswer(listApprovals, {})
  const { data: me } = useAnswer(readMe, {})
  const waiting = query.data?.filter(({ state }) => state === 'waiting') ?? []
  const past = query.data?.filter(({ state }) => state !== 'waiting') ?? []
  return (
    <Page
      about={words.about}
      headline={query.data ? (waiting.length === 0 ? words.none : words.waits(waiting.length)) : ' '}
      asOf={query.dataUpdatedAt}
    >
      <Answered query={query}>
        {(all) => (
          <>
            {all.length === 0 && <Empty title={words.none}>{words.noneLead}</Empty>}
            {me && waiting.length > 0 && (
              <Section title={words.open}>
                {waiting.map((approval) => (
                  <Waiting key={approval.id} approval={approval} me={me} />
                ))}
              </Section>
            )}
            {past.length > 0 && <Past approvals={past} />}
          </>
        )}
      </Answered>
    </Page>
  )
}

interface WaitingProps {
  readonly approval: Approval
  readonly me: Person
}

/** What will happen, in the server's sentence, and the answers that this person may give. */
function Waiting({ approval, me }: WaitingProps) {
  const words = useWords(approvalsWords)
  const { id, clientId, sentence, askedBy, askedAt, expiresAt, needs, happensAt } = approval
  const [allows, refuses, withdraws] = [
    useAction(allowApproval),
    useAction(refuseApproval),
    useAction(withdrawApproval),
  ]
  const { data: people = [] } = useAnswer(listPeople, {}, { enabled: may(me, 'administer') })
  const isOwn = askedBy === me.id
  const asker = askedBy === 'server' ? words.server : [...people, me].find((each) => each.id === askedBy)?.name
  const params = { approval: id }
  const decides = may(me, 'administer', clientId ?? undefined)
  const failed = [allows, refuses, withdraws].find(({ error }) => error)
  return (
    <article className={styles.waiting}>
      <p>
        <b>{sentence}</b>
      </p>
      <p className={styles.about}>
        {words.askedBy} {asker ?? words.somebody} <Ago at={askedAt} /> ·{' '}
        {needs === 'delay' && happensAt !== null ? (
          <>
            {words.byItself} <Ago at={happensAt} />
          </>
        ) : (
          <>
            {words.until} <Moment at={expiresAt} />
          </>
        )}
      </p>
      <div className={styles.answers}>
        {decides && !isOwn && needs === 'person' && (
          <Button loading={allows.isPending} onClick={() => allows.mutate({ params })}>
            {words.allow}
          </Button>
        )}
        {decides && !isOwn && (
          <Button variant="default" loading={refuses.isPending} onClick={() => refuses.mutate({ params })}>
            {words.refuse}
          </Button>
        )}
        {may(me, 'operate', clientId ?? undefined) && (isOwn || needs === 'delay') && (
          <Button variant="default" loading={withdraws.isPending} onClick={() => withdraws.mutate({ params })}>
            {words.withdraw}
          </Button>
        )}
        {isOwn && needs === 'person' && <span>{words.ownWaits}</span>}
      </div>
      {failed && <Failure of={failed.error} />}
    </article>
  )
}

function Past({ approvals }: { readonly approvals: readonly Approval[] }) {
  const words = useWords(approvalsWords)
  const columns: readonly TableColumn<Approval>[] = [
    { id: 'what', title: words.what, text: ({ sentence }) => sentence, cell: ({ sentence }) => sentence },
    { id: 'when', title: words.when, sortBy: ({ askedAt }) => askedAt, cell: ({ askedAt }) => <Ago at={askedAt} /> },
    { id: 'decided', title: words.decided, text: ({ state }) => words[state], cell: ({ state }) => words[state] },
  ]
  return (
    <Section title={words.past}>
      <DataTable label={words.past} rows={approvals} columns={columns} keyOf={({ id }) => id} />
    </Section>
  )
}
