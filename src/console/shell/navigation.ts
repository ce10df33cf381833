import { may } from '../api/person.ts'
import type { Person } from '../api/person.ts'

interface Entry {
  readonly to:
    | '/'
    | '/get-back'
    | '/machines'
    | '/alerts'
    | '/operations'
    | '/copies'
    | '/approvals'
    | '/kits'
    | '/people'
    | '/audit'
  /** The word of the shell that names it. */
  readonly name:
    | 'home'
    | 'getBack'
    | 'machines'
    | 'alerts'
    | 'operations'
    | 'copies'
    | 'approvals'
    | 'kits'
    | 'people'
    | 'audit'
  /** For those who run it: one click further, under "Details". */
  readonly isDetail?: true
  readonly isFor?: (me: Person) => boolean
}

const has = (right: Parameters<typeof may>[1]) => (me: Person) =>
  me.roles.some(({ clientId }) => may(me, right, clientId))

/** The pages that are named on every page, in their order. A new page that belongs here is a line here. */
const entries: readonly Entry[] = [
  { to: '/', name: 'home' },
  { to: '/get-back', name: 'getBack', isFor: has('restore') },
  { to: '/machines', name: 'machines' },
  { to: '/alerts', name: 'alerts' },
  { to: '/operations', name: 'operations', isDetail: true },
  { to: '/copies', name: 'copies', isDetail: true },
  { to: '/approvals', name: 'approvals', isDetail: true },
  { to: '/kits', name: 'kits', isDetail: true, isFor: has('administer') },
  { to: '/people', name: 'people', isDetail: true, isFor: (me) => may(me, 'administer') },
  { to: '/audit', name: 'audit', isDetail: true, isFor: has('audit') },
]

/** Those that somebody may use: what would be refused is not offered. */
export function pagesFor(me: Person): readonly Entry[] {
  return entries.filter(({ isFor }) => isFor?.(me) ?? true)
}
