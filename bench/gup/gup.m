-- The protocol of gup.zd for Murphi (rumur). bench/run.py changes the sizes.

const
  GUPS: 3;
  PAGES: 3;
  PTES: 3;
  UNMAPPERS: 2;

type
  Gup: scalarset(GUPS);
  Page: scalarset(PAGES);
  Pte: scalarset(PTES);
  Unmapper: scalarset(UNMAPPERS);
  Where: enum { READING, TAKING, AGAIN, USING, PUTTING };

var
  -- undefined is null
  refcount: array [Page] of 0..15;
  entry: array [Pte] of Page;
  dying: boolean;
  gone: boolean;
  at: array [Gup] of Where;
  slot: array [Gup] of Pte;
  pin: array [Gup] of Page;
  old: array [Unmapper] of Page;
  step: 0..3;

startstate begin
  for p: Page do refcount[p] := 1; end;
  for e: Pte do undefine entry[e]; end;
  dying := false;
  gone := false;
  for g: Gup do
    at[g] := READING;
    undefine slot[g];
    undefine pin[g];
  end;
  for u: Unmapper do undefine old[u]; end;
  step := 0;
end;

ruleset g: Gup; e: Pte do
  rule "gup reads an entry" at[g] = READING & !isundefined(entry[e]) ==> begin
    slot[g] := e;
    pin[g] := entry[e];
    at[g] := TAKING;
  end;
end;

ruleset g: Gup do
  rule "gup takes a reference" at[g] = TAKING ==> begin
    if refcount[pin[g]] > 0 & !dying then
      refcount[pin[g]] := refcount[pin[g]] + 1;
      at[g] := AGAIN;
    else
      undefine slot[g];
      undefine pin[g];
      at[g] := READING;
    end;
  end;

  rule "gup reads the entry again" at[g] = AGAIN ==> begin
    if !isundefined(entry[slot[g]]) & entry[slot[g]] = pin[g] then
      at[g] := USING;
    else
      at[g] := PUTTING;
    end;
    undefine slot[g];
  end;

  rule "gup uses the page" at[g] = USING ==> begin
    assert !gone "it is gone";
    at[g] := PUTTING;
  end;

  rule "gup puts the page" at[g] = PUTTING ==> begin
    refcount[pin[g]] := refcount[pin[g]] - 1;
    undefine pin[g];
    at[g] := READING;
  end;
end;

ruleset e: Pte; p: Page do
  rule "map" isundefined(entry[e]) & !dying & refcount[p] > 0 ==> begin
    refcount[p] := refcount[p] + 1;
    entry[e] := p;
  end;
end;

ruleset u: Unmapper; e: Pte do
  rule "unmap" isundefined(old[u]) & !isundefined(entry[e]) ==> begin
    old[u] := entry[e];
    undefine entry[e];
  end;
end;

ruleset u: Unmapper do
  rule "unmap: put" !isundefined(old[u]) ==> begin
    refcount[old[u]] := refcount[old[u]] - 1;
    undefine old[u];
  end;
end;

rule "unplug: dying" step = 0 ==> begin
  dying := true;
  step := 1;
end;

rule "unplug: drained" step = 1 & forall p: Page do refcount[p] = 1 end ==> begin
  step := 2;
end;

rule "unplug: gone" step = 2 ==> begin
  gone := true;
  step := 3;
end;

invariant "mapped"
  forall e: Pte do isundefined(entry[e]) | refcount[entry[e]] > 0 end;
