import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { listClients, readMe } from '../../api/calls.ts'
import { may } from '../../api/person.ts'
import { useAction, useAnswer } from '../../api/queries.ts'
import { sayAttacked, sayNotAttacked } from '../../api/safety-calls.ts'
import { Ago } from '../../parts/figures.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Answered, Failure } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import type { Client } from '../home/judge.ts'
import styles from './attack.module.css'
import { attackWords } from './words.ts'

/** One button, what it does in plain words, and what to do first. */
export function AttackPage() {
  const words = useWords(attackWords)
  const query = useAnswer(listClients, {})
  const attacked = query.data?.filter(({ state }) => state === 'attacked') ?? []
  const headline =
    attacked.length > 0 ? <em>{words.attacked(attacked.map(({ name }) => name).join(', '))}</em> : words.calm
  return (
    <Page
      about={words.about}
      headline={query.data ? headline : ' '}
      lead={attacked.length === 0 ? words.calmLead : undefined}
      asOf={query.dataUpdatedAt}
    >
      <Answered query={query}>
        {(clients) => (
          <>
            {attacked.map((client) => (
              <Attacked key={client.id} client={client} />
            ))}
            <Buttons clients={clients.filter(({ state }) => state !== 'attacked')} />
            <Section title={words.sure}>
              <ul className={styles.list}>
                <li>{words.stops}</li>
                <li>{words.goesOn}</li>
                <li>{words.back}</li>
              </ul>
            </Section>
            <Section title={words.steps}>
              <ol className={styles.list}>
                {[words.step1, words.step2, words.step3, words.step4, words.step5].map((step) => (
                  <li key={step}>{step}</li>
                ))}
              </ol>
              <Link to="/get-back">{words.toBack}</Link>
            </Section>
          </>
        )}
      </Answered>
    </Page>
  )
}

function Buttons({ clients }: { readonly clients: readonly Client[] }) {
  const words = useWords(attackWords)
  const { data: me } = useAnswer(readMe, {})
  const says = useAction(sayAttacked)
  if (!me || clients.length === 0) return null
  const own = clients.filter(({ id }) => may(me, 'operate', id))
  if (own.length === 0) return <p>{words.notYours}</p>
  return (
    <>
      <div className={styles.buttons}>
        {own.map(({ id, name }) => (
          <Button
            key={id}
            variant="default"
            size="md"
            className={styles.alarm ?? ''}
            loading={says.isPending && says.variables.params.client === id}
            onClick={() => says.mutate({ params: { client: id } })}
          >
            {words.button(name)}
          </Button>
        ))}
      </div>
      {says.error && <Failure of={says.error} />}
    </>
  )
}

function Attacked({ client }: { readonly client: Client }) {
  const words = useWords(attackWords)
  const { data: me } = useAnswer(readMe, {})
  const says = useAction(sayNotAttacked)
  const waits = says.data?.done === false ? says.data.waits.sentence : undefined
  return (
    <div className={styles.attacked}>
      <b>{client.name}</b> {words.since} <Ago at={client.stateSince} />
      {me && may(me, 'administer', client.id) && !says.data && (
        <Button
          variant="default"
          size="compact-sm"
          loading={says.isPending}
          onClick={() => says.mutate({ params: { client: client.id } })}
        >
          {words.over}
        </Button>
      )}
      {says.data && <p role="status">{waits === undefined ? words.isOver : `${words.overWaits} ${waits}`}</p>}
      {says.error && <Failure of={says.error} />}
    </div>
  )
}
