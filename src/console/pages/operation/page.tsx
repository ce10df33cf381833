import { Link, useParams } from '@tanstack/react-router'
import { listMachines, readOperation } from '../../api/calls.ts'
import { useAnswer } from '../../api/queries.ts'
import { Copyable } from '../../parts/copyable.tsx'
import { Duration, Moment } from '../../parts/figures.tsx'
import { CancelButton, OperationProgress, OperationStatus, useKindWords } from '../../parts/operation.tsx'
import type { Operation } from '../../parts/operation.tsx'
import { Facts, Page, Section } from '../../parts/page.tsx'
import { Failure, Loading } from '../../parts/states.tsx'
import { Values } from '../../parts/values.tsx'
import { useWords } from '../../words/locale.ts'
import { operationsWords } from '../operations/words.ts'

/** Milliseconds between two looks while it runs, should an event not come through. */
const whileItRuns = 10_000

export function OperationPage() {
  const words = useWords(operationsWords)
  const kindWords = useKindWords()
  const params = useParams({ from: '/shell/operations/$operation' })
  const query = useAnswer(readOperation, { params }, { every: whileItRuns })
  const { data: operation, error, refetch, dataUpdatedAt } = query
  if (!operation) {
    return (
      <Page about={words.about} headline=" ">
        {error ? <Failure of={error} onRetry={() => void refetch()} /> : <Loading />}
      </Page>
    )
  }
  const isOpen = operation.state === 'waiting' || operation.state === 'running'
  return (
    <Page
      about={words.about}
      headline={kindWords(operation.kind)}
      lead={operation.reason ?? (isOpen ? words.stillTo : undefined)}
      asOf={dataUpdatedAt}
    >
      {error && <Failure of={error} onRetry={() => void refetch()} />}
      <p>
        <OperationStatus of={operation} /> <CancelButton of={operation} />
      </p>
      <OperationProgress of={operation} />
      <About operation={operation} />
      {operation.result && (
        <Section title={words.result}>
          <Values of={operation.result} />
        </Section>
      )}
      <Section title={words.order}>
        <Values of={operation.order} />
      </Section>
      <Section title={words.id}>
        <Copyable text={operation.id} label={words.id} />
      </Section>
    </Page>
  )
}

const askers = { server: 'byServer', schedule: 'bySchedule', agent: 'byAgent' } as const

function About({ operation }: { readonly operation: Operation }) {
  const words = useWords(operationsWords)
  const { data: machines = [] } = useAnswer(listMachines, {})
  const { machineId, requestedBy, runAt, startedAt, endedAt } = operation
  const machine = machines.find(({ id }) => id === machineId)
  const asker = Object.entries(askers).find(([name]) => name === requestedBy)?.[1] ?? 'byPerson'
  const seconds = startedAt === null || endedAt === null ? null : (Date.parse(endedAt) - Date.parse(startedAt)) / 1_000
  return (
    <Facts
      of={[
        [
          words.machine,
          machine ? (
            <Link to="/machines/$machine" params={{ machine: machine.id }}>
              {machine.name}
            </Link>
          ) : (
            words.serverItself
          ),
        ],
        [words.by, words[asker]],
        [words.runAt, <Moment key="due" at={runAt} />],
        ...(startedAt === null ? [] : [[words.began, <Moment key="began" at={startedAt} />] as const]),
        ...(endedAt === null ? [] : [[words.ended, <Moment key="ended" at={endedAt} />] as const]),
        ...(seconds === null ? [] : [[words.took, <Duration key="took" seconds={seconds} />] as const]),
      ]}
    />
  )
}
