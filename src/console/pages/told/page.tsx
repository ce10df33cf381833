import { Button } from '@mantine/core'
import type { ChannelKind } from '#protocol'
import type { AnswerOf } from '../../api/call.ts'
import {
  listAlertPeople,
  listChannels,
  removeAlertPerson,
  removeChannel,
  testChannel,
} from '../../api/channel-calls.ts'
import { useAction, useAnswer } from '../../api/queries.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Answered, Empty, Failure } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import { AddWay } from './add-way.tsx'
import { fieldsOf } from './new-channel.ts'
import styles from './told.module.css'
import { toldWords } from './words.ts'

type Channel = AnswerOf<typeof listChannels>[number]
type Told = AnswerOf<typeof listAlertPeople>[number]

/** Who is told of alerts, and on which channels; each can be tried. */
export function ToldPage() {
  const words = useWords(toldWords)
  const people = useAnswer(listAlertPeople, {})
  const channels = useAnswer(listChannels, {})
  const heard = people.data?.filter(({ ways }) => ways.length > 0).length ?? 0
  return (
    <Page
      about={words.about}
      headline={people.data ? heard === 0 ? <em>{words.nobody}</em> : words.some(heard) : ' '}
      lead={people.data && heard === 0 ? words.nobodyLead : undefined}
      asOf={people.dataUpdatedAt}
    >
      <Answered query={people}>
        {(all) => (all.length > 0 ? <People people={all} channels={channels.data ?? []} /> : null)}
      </Answered>
      <Section title={words.channels}>
        <Answered query={channels}>
          {(all) =>
            all.length === 0 ? (
              <Empty title={words.none} />
            ) : (
              all.map((each) => <OneChannel key={each.id} channel={each} />)
            )
          }
        </Answered>
      </Section>
      {channels.data && people.data && (
        <Section title={words.add}>
          <AddWay channels={channels.data} people={people.data} />
        </Section>
      )}
    </Page>
  )
}

interface PeopleProps {
  readonly people: readonly Told[]
  readonly channels: readonly Channel[]
}

function People({ people, channels }: PeopleProps) {
  const words = useWords(toldWords)
  const removes = useAction(removeAlertPerson)
  const nameOf = new Map(channels.map(({ id, name }) => [id, name]))
  const columns: readonly TableColumn<Told>[] = [
    { id: 'name', title: words.name, cell: ({ name }) => name },
    {
      id: 'ways',
      title: words.ways,
      cell: ({ ways }) =>
        ways
          .map(({ channel, address }) => [nameOf.get(channel) ?? channel, address].filter(Boolean).join(': '))
          .join(', '),
    },
    { id: 'step', title: words.step, isNumber: true, cell: ({ step }) => step },
    {
      id: 'remove',
      title: words.remove,
      cell: ({ id }) => (
        <Button variant="default" size="compact-sm" onClick={() => removes.mutate({ params: { person: id } })}>
          {words.remove}
        </Button>
      ),
    },
  ]
  return (
    <>
      <DataTable label={words.about} rows={people} columns={columns} keyOf={({ id }) => id} />
      {removes.error && <Failure of={removes.error} />}
    </>
  )
}

/** A channel: its test says what the other side said. */
function OneChannel({ channel: { id, name, kind } }: { readonly channel: Channel }) {
  const words = useWords(toldWords)
  const [tests, removes] = [useAction(testChannel), useAction(removeChannel)]
  const { data: delivery } = tests
  return (
    <article className={styles.channel}>
      <b>{name}</b> <span className={styles.kind}>{isKind(kind) ? words[kind] : kind}</span>
      <span className={styles.actions}>
        <Button
          variant="default"
          size="compact-sm"
          loading={tests.isPending}
          onClick={() => tests.mutate({ params: { channel: id }, body: {} })}
        >
          {words.test}
        </Button>
        <Button variant="default" size="compact-sm" onClick={() => removes.mutate({ params: { channel: id } })}>
          {words.remove}
        </Button>
      </span>
      {delivery && (
        <p role="status">
          {delivery.delivered ? words.arrived : words.notArrived} {delivery.words} {delivery.hint}
        </p>
      )}
      {tests.error && <Failure of={tests.error} />}
      {removes.error && <Failure of={removes.error} />}
    </article>
  )
}

/** A server of another version may have kinds that are not known here. */
function isKind(kind: string): kind is ChannelKind {
  return Object.hasOwn(fieldsOf, kind)
}
