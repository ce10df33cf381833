import { Button } from '@mantine/core'
import { endSession, listSessions } from '../../api/calls.ts'
import type { AnswerOf } from '../../api/call.ts'
import { useAction, useAnswer } from '../../api/queries.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Ago } from '../../parts/figures.tsx'
import { Section } from '../../parts/page.tsx'
import { Answered, Failure } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import { accountWords } from './words.ts'

type Session = AnswerOf<typeof listSessions>[number]

export function Sessions() {
  const words = useWords(accountWords)
  const query = useAnswer(listSessions, {})
  const ends = useAction(endSession)
  const columns: readonly TableColumn<Session>[] = [
    { id: 'since', title: words.since, cell: ({ since }) => <Ago at={since} /> },
    { id: 'address', title: words.address, cell: ({ address }) => address ?? '–' },
    { id: 'program', title: words.program, cell: ({ program }) => <small>{program ?? '–'}</small> },
    {
      id: 'end',
      title: words.endSession,
      cell: ({ id, isOwn }) =>
        isOwn ? (
          words.here
        ) : (
          <Button size="compact-sm" variant="default" onClick={() => ends.mutate({ params: { session: id } })}>
            {words.endSession}
          </Button>
        ),
    },
  ]
  return (
    <Section title={words.sessions}>
      <Answered query={query}>
        {(sessions) => <DataTable label={words.sessions} rows={sessions} columns={columns} keyOf={({ id }) => id} />}
      </Answered>
      {ends.error && <Failure of={ends.error} />}
    </Section>
  )
}
