import { Link, useSearch } from '@tanstack/react-router'
import { readMe } from '../../api/calls.ts'
import { may } from '../../api/person.ts'
import { useAnswer } from '../../api/queries.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Ago, Count, Size } from '../../parts/figures.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Empty, Failure, Loading } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import { MachineAnswer, useAnswerWords } from '../home/answer.tsx'
import type { JudgedMachine } from '../home/judge.ts'
import { useFleet } from '../home/use-fleet.ts'
import { AddMachine } from './add-machine.tsx'
import { machinesWords } from './words.ts'

/** Every machine, covered or not. */
export function MachinesPage() {
  const words = useWords(machinesWords)
  const { client: only } = useSearch({ from: '/shell/machines' })
  const { data: me } = useAnswer(readMe, {})
  const { judged, clients, error, retry, asOf } = useFleet()
  const nameOf = new Map(clients?.map(({ id, name }) => [id, name]))
  const columns = useColumns(nameOf)
  if (!judged || !clients || !me) {
    return (
      <Page about={words.about} headline=" " isWide>
        {error ? <Failure of={error} onRetry={retry} /> : <Loading />}
      </Page>
    )
  }
  const shown = only === undefined ? judged : judged.filter(({ machine }) => machine.clientId === only)
  const covered = shown.filter(({ glance }) => (glance?.newestAt ?? null) !== null).length
  const operated = clients.filter(({ id }) => may(me, 'operate', id))
  return (
    <Page
      about={only === undefined ? words.about : (nameOf.get(only) ?? words.about)}
      headline={shown.length === 0 ? words.none : words.headline(covered, shown.length)}
      asOf={asOf}
      isWide
    >
      {error !== undefined && error !== null && <Failure of={error} onRetry={retry} />}
      {shown.length === 0 ? (
        <Empty title={words.none}>{words.noneLead}</Empty>
      ) : (
        <DataTable
          label={words.about}
          rows={shown}
          columns={clients.length > 1 ? columns : columns.filter(({ id }) => id !== 'client')}
          keyOf={({ machine }) => machine.id}
        />
      )}
      {operated.length > 0 && (
        <Section title={words.add}>
          <AddMachine clients={operated} />
        </Section>
      )}
    </Page>
  )
}

function useColumns(nameOf: ReadonlyMap<string, string>): readonly TableColumn<JudgedMachine>[] {
  const words = useWords(machinesWords)
  const answerWords = useAnswerWords()
  const clientOf = ({ machine }: JudgedMachine) => nameOf.get(machine.clientId) ?? ''
  return [
    {
      id: 'name',
      title: words.machine,
      text: ({ machine: { name, about } }) => `${name} ${about.hostname ?? ''}`,
      sortBy: ({ machine }) => machine.name,
      cell: ({ machine: { id, name, about } }) => (
        <>
          <Link to="/machines/$machine" params={{ machine: id }}>
            {name}
          </Link>
          {about.hostname !== undefined && about.hostname !== name && <small>{about.hostname}</small>}
        </>
      ),
    },
    { id: 'client', title: words.client, text: clientOf, sortBy: clientOf, cell: clientOf },
    {
      id: 'kind',
      title: words.kind,
      text: ({ machine: { kind } }) => words[kind],
      sortBy: ({ machine: { kind } }) => words[kind],
      cell: ({ machine: { kind, hasAgent } }) => (
        <>
          {words[kind]}
          {!hasAgent && <small>{words.withoutAgent}</small>}
        </>
      ),
    },
    {
      id: 'seen',
      title: words.seen,
      sortBy: ({ machine: { lastSeenAt } }) => lastSeenAt,
      cell: ({ machine: { lastSeenAt, awayUntil } }) => (
        <>
          <Ago at={lastSeenAt} />
          {awayUntil !== null && <small>{words.away}</small>}
        </>
      ),
    },
    {
      id: 'newest',
      title: words.newest,
      sortBy: ({ glance }) => glance?.newestAt ?? null,
      cell: ({ glance }) => <Ago at={glance?.newestAt ?? null} />,
    },
    {
      id: 'points',
      title: words.points,
      isNumber: true,
      sortBy: ({ glance }) => glance?.recoveryPoints ?? null,
      cell: ({ glance }) => <Count of={glance?.recoveryPoints ?? null} />,
    },
    {
      id: 'kept',
      title: words.kept,
      isNumber: true,
      sortBy: ({ glance }) => glance?.usedBytes ?? null,
      cell: ({ glance }) => <Size bytes={glance?.usedBytes ?? null} />,
    },
    {
      id: 'answer',
      title: words.answer,
      text: ({ because }) => answerWords(because),
      cell: (row) => <MachineAnswer of={row} />,
    },
  ]
}
