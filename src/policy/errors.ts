import { errorClass } from '#base'

/** What can be wrong with a policy, or with what it is applied to. */
export const policyErrors = {
  POLICY_EMPTY: {
    message: 'No policy was given, so nothing is removed.',
    hint: 'Say what to keep: --keep-last 7, say, or --keep-within 1y.',
  },
  POLICY_COUNT_INVALID: {
    message: '"{text}" is not a number of snapshots to keep.',
    hint: 'Give a whole number from 0, or "unlimited".',
  },
  POLICY_DURATION_INVALID: {
    message: '"{text}" is not a duration: {reason}.',
    hint: 'Give years, months, days and hours, such as 1y5m7d2h.',
  },
  POLICY_GROUPING_INVALID: {
    message: '"{text}" is nothing that snapshots can be grouped by.',
    hint: 'Give host, paths and tags, separated by commas, or an empty text for one group of all.',
  },
  SNAPSHOT_TIME_INVALID: {
    message: 'The snapshot {id} has a time that cannot be read: "{time}".',
    hint: 'Nothing was removed. Run `understudy check`; a snapshot can be removed by its id.',
  },
  GROUP_WOULD_BE_EMPTIED: {
    message: 'The policy would remove all {count} snapshots of {group}, so nothing is removed.',
    hint: 'Mend the policy, or say --unsafe-allow-remove-all if no snapshot of the group is needed any more.',
  },
  REMOVE_ALL_UNFILTERED: {
    message: 'Without a policy and without a filter --unsafe-allow-remove-all would remove every snapshot.',
    hint: 'Say which snapshots are meant with --host, --tag or --path.',
  },
} as const

export class PolicyError extends errorClass('PolicyError', policyErrors) {}
