import { printable } from '#base'
import { inWords } from './plan.ts'
import type { Plan, Step } from './plan.ts'

/** A plan as lines: `+` comes, `~` changes, `-` goes. */
export function describePlan({ steps, waits, leftAlone }: Plan): string[] {
  return [
    ...steps.flatMap(describeStep),
    ...waits.map((sentence) => `  ${sentence}`),
    ...(leftAlone.length > 0 ? [`  Not in the file, and left alone: ${leftAlone.join('; ')}.`] : []),
  ].map((line) => printable(line, Infinity))
}

function describeStep(step: Step): string[] {
  const sign = signs[step.do]
  return [`${sign} ${nameStep(step)}`, ...detailsOf(step).map((detail) => `    ${detail}`)]
}

const signs: Readonly<Record<Step['do'], string>> = {
  'create client': '+',
  'create policy': '+',
  'change policy': '~',
  'remove policy': '-',
  'rename machine': '~',
  'approve machine': '~',
  'revoke machine': '-',
  'set policies': '~',
  'invite person': '+',
  'set roles': '~',
}

/** What a step does, in a few words. */
export function nameStep(step: Step): string {
  switch (step.do) {
    case 'create client':
      return `client "${step.client}"`
    case 'create policy':
    case 'change policy':
      return `backup policy "${step.policy.name}" of ${step.client}`
    case 'remove policy':
      return `backup policy "${step.name}" of ${step.client}`
    case 'rename machine':
      return `machine "${step.now}" of ${step.client} is named "${step.name}"`
    case 'approve machine':
      return `machine "${step.name}" of ${step.client} (${step.id}) is approved`
    case 'revoke machine':
      return `machine "${step.name}" of ${step.client} is revoked`
    case 'set policies':
      return `machine "${step.name}" of ${step.client} follows ${listed(step.policies)}`
    case 'invite person':
      return `person ${step.email} is invited: ${listed(step.roles.map(inWords))}`
    case 'set roles':
      return `person ${step.email} is ${listed(step.roles.map(inWords))}`
  }
}

function detailsOf(step: Step): string[] {
  if (step.do === 'change policy') {
    return step.differences.map(({ at, before, after }) => `${at}: ${shown(before)} → ${shown(after)}`)
  }
  if (step.do === 'set policies') return [`now: ${listed(step.now)}`]
  return step.do === 'set roles' ? [`now: ${listed(step.now.map(inWords))}`] : []
}

function listed(words: readonly string[]): string {
  return words.length === 0 ? 'nothing' : words.join(', ')
}

const longest = 200

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
