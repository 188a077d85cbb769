-- The protocol of gup.zd in Murphi, state for state.
const
  GUPS: 3;
  PAGES: 3;
  PTES: 3;

type
  gup_t: scalarset(GUPS);
  page_t: scalarset(PAGES);
  pte_t: scalarset(PTES);
  count_t: 0 .. 15;

var
  count: array[page_t] of count_t;
  entry: array[pte_t] of page_t;
  dying: boolean;
  gone: boolean;
  at: array[gup_t] of 0 .. 4;
  slot: array[gup_t] of pte_t;
  pin: array[gup_t] of page_t;
  old: page_t;
  unplug_at: 0 .. 3;

ruleset g: gup_t do
  ruleset e: pte_t do
    rule "read an entry" at[g] = 0 & !isundefined(entry[e]) ==> begin
      slot[g] := e; pin[g] := entry[e]; at[g] := 1;
    end;
  end;
  rule "take a reference" at[g] = 1 ==> begin
    if count[pin[g]] = 0 | dying then
      undefine slot[g]; undefine pin[g]; at[g] := 0;
    else
      count[pin[g]] := count[pin[g]] + 1; at[g] := 2;
    end;
  end;
  rule "read the entry again" at[g] = 2 ==> begin
    if !isundefined(entry[slot[g]]) & entry[slot[g]] = pin[g] then at[g] := 3; else at[g] := 4; end;
    undefine slot[g];
  end;
  rule "use the page" at[g] = 3 ==> begin
    assert !gone;
    at[g] := 4;
  end;
  rule "put it" at[g] = 4 ==> begin
    count[pin[g]] := count[pin[g]] - 1; undefine pin[g]; at[g] := 0;
  end;
end;

ruleset e: pte_t do
  ruleset p: page_t do
    rule "map" isundefined(entry[e]) & !dying & count[p] > 0 ==> begin
      count[p] := count[p] + 1; entry[e] := p;
    end;
  end;
  rule "unmap" isundefined(old) & !isundefined(entry[e]) ==> begin
    old := entry[e]; undefine entry[e];
  end;
end;

rule "put the unmapped page" !isundefined(old) ==> begin
  count[old] := count[old] - 1; undefine old;
end;

rule "kill" unplug_at = 0 ==> begin dying := true; unplug_at := 1; end;
rule "wait" unplug_at = 1 & forall p: page_t do count[p] = 1 end ==> begin unplug_at := 2; end;
rule "remove" unplug_at = 2 ==> begin gone := true; unplug_at := 3; end;

startstate begin
  for p: page_t do count[p] := 1; end;
  dying := false;
  gone := false;
  for g: gup_t do at[g] := 0; end;
  unplug_at := 0;
end;

invariant "mapped" forall e: pte_t do isundefined(entry[e]) | count[entry[e]] > 0 end;
