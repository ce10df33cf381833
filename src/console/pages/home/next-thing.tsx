import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { approveMachine, testRestore } from '../../api/calls.ts'
import { may } from '../../api/person.ts'
import type { Person } from '../../api/person.ts'
import { useAction } from '../../api/queries.ts'
import { NextStep } from '../../parts/page.tsx'
import { Failure } from '../../parts/states.tsx'
import { capitalised } from '../../words/dictionary.ts'
import { useWords } from '../../words/locale.ts'
import type { Alert, Machine, NextThing } from './judge.ts'
import { homeWords } from './words.ts'

/** Pages on which what an alert asks for is done. */
const placesOf: Partial<Record<Alert['kind'], '/told' | '/kits'>> = {
  alerting_missing: '/told',
  channel_broken: '/told',
  kit_not_stored: '/kits',
}

interface NextThingProps {
  readonly thing: NextThing
  readonly me: Person
}

/** The one thing to do next, with a button that does it or shows how. */
export function NextThingToDo({ thing, me }: NextThingProps) {
  const words = useWords(homeWords)
  switch (thing.kind) {
    case 'attacked':
      return (
        <NextStep title={words.nextAttacked(thing.client.name)} actions={<Go to="/attack">{words.nextAlertDo}</Go>}>
          {words.nextAttackedWhy}
        </NextStep>
      )
    case 'first machine':
      return (
        <NextStep title={words.nextFirst} actions={<Go to="/machines">{words.nextFirstDo}</Go>}>
          {words.nextFirstWhy}
        </NextStep>
      )
    case 'approve':
      return <Approve machine={thing.machine} me={me} />
    case 'give a policy':
      return (
        <NextStep
          title={words.nextPolicy(thing.machine.name)}
          actions={<GoToMachine machine={thing.machine}>{words.nextPolicyDo}</GoToMachine>}
        >
          {words.nextPolicyWhy}
        </NextStep>
      )
    case 'wait for the first backup':
      return (
        <NextStep
          title={words.nextBackup(thing.machine.name)}
          actions={<GoToMachine machine={thing.machine}>{words.nextBackupDo}</GoToMachine>}
        >
          {words.nextBackupWhy}
        </NextStep>
      )
    case 'prove':
      return <Prove machine={thing.machine} me={me} />
    case 'second factor':
      return (
        <NextStep title={words.nextFactor} actions={<Go to="/account">{words.nextFactorDo}</Go>}>
          {words.nextFactorWhy}
        </NextStep>
      )
    case 'alert': {
      const { kind, title, sentence, hint } = thing.alert
      return (
        <NextStep title={capitalised(title)} actions={<Go to={placesOf[kind] ?? '/alerts'}>{words.nextAlertDo}</Go>}>
          {sentence} {hint}
        </NextStep>
      )
    }
  }
}

function Go({
  to,
  children,
}: {
  readonly to: '/alerts' | '/account' | '/machines' | '/attack' | '/told' | '/kits'
  readonly children: ReactNode
}) {
  return (
    <Button component={Link} to={to}>
      {children}
    </Button>
  )
}

function GoToMachine({ machine, children }: { readonly machine: Machine; readonly children: ReactNode }) {
  return (
    <Button renderRoot={(props) => <Link {...props} to="/machines/$machine" params={{ machine: machine.id }} />}>
      {children}
    </Button>
  )
}

interface OfMachine {
  readonly machine: Machine
  readonly me: Person
}

function Approve({ machine, me }: OfMachine) {
  const words = useWords(homeWords)
  const approves = useAction(approveMachine)
  return (
    <NextStep
      title={words.nextApprove(machine.name)}
      actions={
        <>
          {may(me, 'operate', machine.clientId) && (
            <Button loading={approves.isPending} onClick={() => approves.mutate({ params: { machine: machine.id } })}>
              {words.nextApproveDo}
            </Button>
          )}
          {approves.error && <Failure of={approves.error} />}
        </>
      }
    >
      {words.nextApproveWhy}
    </NextStep>
  )
}

function Prove({ machine, me }: OfMachine) {
  const words = useWords(homeWords)
  const tries = useAction(testRestore)
  return (
    <NextStep
      title={words.nextProve(machine.name)}
      actions={
        <>
          {may(me, 'operate', machine.clientId) && !tries.isSuccess && (
            <Button
              loading={tries.isPending}
              onClick={() => tries.mutate({ params: { machine: machine.id }, body: { where: 'server' } })}
            >
              {words.nextProveDo}
            </Button>
          )}
          {tries.isSuccess && <span role="status">{words.nextProveRuns}</span>}
          {tries.error && <Failure of={tries.error} />}
        </>
      }
    >
      {words.nextProveWhy}
    </NextStep>
  )
}
