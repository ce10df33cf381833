import { Link } from '@tanstack/react-router'
import { readMe } from '../../api/calls.ts'
import { useAnswer } from '../../api/queries.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Ago, Size } from '../../parts/figures.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Failure, Loading } from '../../parts/states.tsx'
import { Status } from '../../parts/status.tsx'
import { useWords } from '../../words/locale.ts'
import { MachineAnswer, useAnswerWords } from './answer.tsx'
import { findNextThing, judgeClients } from './judge.ts'
import type { JudgedClient, JudgedMachine } from './judge.ts'
import { NextThingToDo } from './next-thing.tsx'
import { useFleet } from './use-fleet.ts'
import { homeWords } from './words.ts'

export function HomePage() {
  const words = useWords(homeWords)
  const { data: me } = useAnswer(readMe, {})
  const { judged, clients, alerts, error, retry, asOf } = useFleet()
  if (!judged || !clients || !alerts || !me) {
    return (
      <Page about={words.about} headline=" ">
        {error ? <Failure of={error} onRetry={retry} /> : <Loading />}
      </Page>
    )
  }
  const next = findNextThing({ judged, alerts, clients, hasSecondFactor: me.secondFactor })
  return (
    <Page about={words.about} headline={<Headline judged={judged} />} lead={<Lead judged={judged} />} asOf={asOf}>
      {error !== undefined && error !== null && <Failure of={error} onRetry={retry} />}
      {next && <NextThingToDo thing={next} me={me} />}
      {clients.length > 1 && <Clients of={judgeClients(clients, judged)} />}
      {judged.length > 0 && <Machines judged={judged} />}
    </Page>
  )
}

function Headline({ judged }: { readonly judged: readonly JudgedMachine[] }) {
  const words = useWords(homeWords)
  const good = judged.filter(({ is }) => is === 'good').length
  const has = (wanted: JudgedMachine['is']) => judged.some(({ is }) => is === wanted)
  if (judged.length === 0) return <>{words.nothing}</>
  if (good === judged.length) return <>{words.allGood(good)}</>
  const begin = has('bad') ? <em>{words.no}</em> : has('look') ? <em>{words.notQuite}</em> : words.notProven
  return (
    <>
      {begin} {judged.length === 1 ? words.noneGood : words.someGood(good, judged.length)}
    </>
  )
}

function Lead({ judged }: { readonly judged: readonly JudgedMachine[] }) {
  const words = useWords(homeWords)
  const count = (wanted: JudgedMachine['is']) => judged.filter(({ is }) => is === wanted).length
  if (judged.length === 0) return <>{words.nothingLead}</>
  if (judged.length === 1) return null
  const said = [
    count('bad') > 0 ? words.leadBad(count('bad')) : '',
    count('look') > 0 ? words.leadLook(count('look')) : '',
    count('unknown') > 0 ? words.leadUnknown(count('unknown')) : '',
  ]
  return <>{said.filter((each) => each !== '').join(' ')}</>
}

function Clients({ of }: { readonly of: readonly JudgedClient[] }) {
  const words = useWords(homeWords)
  const answerWords = useAnswerWords()
  const columns: readonly TableColumn<JudgedClient>[] = [
    {
      id: 'name',
      title: words.client,
      text: ({ client }) => client.name,
      cell: ({ client }) => (
        <Link to="/machines" search={{ client: client.id }}>
          {client.name}
        </Link>
      ),
    },
    { id: 'good', title: words.goodOf, cell: ({ good, machines }) => `${good} / ${machines}` },
    {
      id: 'answer',
      title: words.answer,
      text: ({ worst }) => (worst ? answerWords(worst.because) : ''),
      cell: ({ client, worst }) => (
        <>
          {client.state === 'attacked' && <Status is="bad">{words.attacked}</Status>}{' '}
          {worst ? <MachineAnswer of={worst} /> : <Status is="unknown">{words.noMachines}</Status>}
          {worst && worst.is !== 'good' && <small>{worst.machine.name}</small>}
        </>
      ),
    },
  ]
  return (
    <Section title={words.clients}>
      <DataTable label={words.clients} rows={of} columns={columns} keyOf={({ client }) => client.id} />
    </Section>
  )
}

function Machines({ judged }: { readonly judged: readonly JudgedMachine[] }) {
  const words = useWords(homeWords)
  const answerWords = useAnswerWords()
  const columns: readonly TableColumn<JudgedMachine>[] = [
    {
      id: 'name',
      title: words.machine,
      text: ({ machine }) => machine.name,
      cell: ({ machine, because }) => (
        <>
          <Link to="/machines/$machine" params={{ machine: machine.id }}>
            {machine.name}
          </Link>
          {because.kind === 'alert' && <small>{because.alert.sentence}</small>}
        </>
      ),
    },
    { id: 'newest', title: words.newest, cell: ({ glance }) => <Ago at={glance?.newestAt ?? null} /> },
    { id: 'proven', title: words.proven, cell: ({ glance }) => <Ago at={glance?.provenAt ?? null} /> },
    { id: 'kept', title: words.kept, cell: ({ glance }) => <Size bytes={glance?.usedBytes ?? null} /> },
    {
      id: 'answer',
      title: words.answer,
      text: ({ because }) => answerWords(because),
      cell: (row) => <MachineAnswer of={row} />,
    },
  ]
  return (
    <Section title={words.machines}>
      <DataTable label={words.machines} rows={judged} columns={columns} keyOf={({ machine }) => machine.id} />
    </Section>
  )
}
